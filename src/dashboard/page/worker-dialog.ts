import type { Api } from './api.ts';
import type { LogLine, WhyReport, WorkerStatus } from './api-types.ts';
import { byId, element, onPress, setEnabled, setText } from './dom.ts';
import { evidenceOf, plain } from './evidence.ts';
import { isRecord } from './fields.ts';
import { clockText } from './format.ts';

const SHOWN_LINES = 500;
const FIRST_LINES = 100;

export interface WorkerDialogHost {
  readonly api: Api;
  /** Asks the API to do something; resolves to null when it was not done, which the reader has been told. */
  post<T>(path: string, what: string): Promise<T | null>;
}

/** One worker from near: what it is doing, and what it writes. */
export class WorkerDialog {
  readonly #host: WorkerDialogHost;
  readonly #dialog = byId<HTMLDialogElement>('worker');
  readonly #why = byId('worker-why');
  readonly #whyButton = byId<HTMLButtonElement>('worker-why-button');
  readonly #log = byId('worker-log');
  #id = '';
  #following: AbortController | null = null;

  constructor(host: WorkerDialogHost) {
    this.#host = host;
    // What scrolls can be reached without a mouse.
    this.#log.tabIndex = 0;
    onPress(this.#whyButton, () => void this.#explain());
    // It may be open again by the time that this comes.
    this.#dialog.addEventListener('close', () => this.#dialog.open || this.#following?.abort());
  }

  /** @param explains whether it is asked at once what the worker does */
  open({ id, pid }: WorkerStatus, explains: boolean): void {
    this.#id = id;
    setText(byId('worker-title'), `Worker ${id}`);
    setText(byId('worker-pid'), pid === null ? 'no process' : `pid ${pid}`);
    setEnabled(this.#whyButton, pid !== null);
    this.#why.replaceChildren();
    this.#log.replaceChildren();
    this.#dialog.showModal();
    void this.#follow();
    if (explains) void this.#explain();
  }

  async #explain(): Promise<void> {
    const id = this.#id;
    setEnabled(this.#whyButton, false);
    setText(this.#why, 'Looking at it…');
    const answer = await this.#host.post<WhyReport>(`workers/${encodeURIComponent(id)}/why`, `Asking worker ${id}`);
    if (id !== this.#id) return;
    setEnabled(this.#whyButton, true);
    if (answer === null) this.#why.replaceChildren();
    else this.#why.replaceChildren(...explanation(answer));
  }

  async #follow(): Promise<void> {
    this.#following?.abort();
    const following = new AbortController();
    this.#following = following;
    try {
      await this.#host.api.stream(`logs?worker=${encodeURIComponent(this.#id)}&lines=${FIRST_LINES}`, {
        lastId: null,
        signal: following.signal,
        onEvent: (line) => {
          if (!following.signal.aborted) this.#append(line as LogLine);
        },
      });
    } catch {
      // The banner tells when Evener is away; the lines so far stay.
    }
  }

  /** Keeps to the newest line, unless the reader has scrolled away from it. */
  #append({ time, stream, text }: LogLine): void {
    const log = this.#log;
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    const mark = stream === 'stderr' ? element('abbr', { class: 'stderr', title: 'stderr' }, 'err') : '';
    const when = element('time', { class: 'quiet', datetime: time }, clockText(time));
    log.append(element('div', { class: 'log-line' }, when, ' ', mark, ' ', element('span', {}, plain(text))));
    while (log.childElementCount > SHOWN_LINES) log.firstElementChild!.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  }
}

/** The report has the same and more where there is one, but for the first line of the text, which sums it up. */
function explanation({ text, report }: WhyReport): HTMLElement[] {
  if (!isRecord(report)) return [element('p', { class: 'why-text' }, text)];
  return [element('p', { class: 'why-text' }, text.split('\n', 1)[0]!), ...evidenceOf(report)];
}
