import type { AppStatus, Status } from './api-types.ts';
import { byId, element, setAttribute, setText } from './dom.ts';
import { bytesText, counted, countText, durationText, latencyText, percentText, rateText } from './format.ts';

interface Figure {
  readonly name: string;
  readonly title: string;
  text(app: AppStatus, status: Status): string;
  /** Of all requests, beside it; '' = there is nothing to say. */
  share?(app: AppStatus): string;
  /** Worth a look. */
  isBad?(app: AppStatus): boolean;
}

const FIGURES: readonly Figure[] = [
  { name: 'Requests/s', title: 'Over the last ten seconds', text: ({ recent }) => rateText(recent.requestsPerSecond) },
  { name: 'p50', title: 'Half of the requests took less', text: ({ recent }) => latencyText(recent.p50Ms) },
  { name: 'p95', title: '95 of 100 requests took less', text: ({ recent }) => latencyText(recent.p95Ms) },
  { name: 'p99', title: '99 of 100 requests took less', text: ({ recent }) => latencyText(recent.p99Ms) },
  {
    name: 'Errors/s',
    title: 'Answers with a status from 500 on, and those cut short',
    text: ({ recent }) => rateText(recent.errorsPerSecond),
    share: ({ recent }) => errorShareText(recent),
    isBad: ({ recent }) => recent.errorsPerSecond > 0,
  },
  { name: 'In flight', title: 'With a worker now', text: ({ inFlight }) => countText(inFlight) },
  {
    name: 'Queued',
    title: 'Waiting for a worker',
    text: ({ queued }) => countText(queued),
    isBad: ({ queued }) => queued > 0,
  },
  {
    name: 'Connections',
    title: 'Of clients, of the whole instance',
    text: (_app, { connections }) => countText(connections),
  },
];

/** The instance in the page's head, and the figures of the app that is looked at. */
export class Summary {
  readonly #figures: readonly { figure: Figure; root: HTMLElement; value: HTMLElement; share: HTMLElement }[];

  constructor() {
    this.#figures = FIGURES.map((figure) => {
      const value = element('span');
      const share = element('small');
      const shown = element('dd', {}, value, share);
      const root = element('div', { class: 'tile', title: figure.title }, element('dt', {}, figure.name), shown);
      return { figure, root, value, share };
    });
    byId('figures').append(...this.#figures.map(({ root }) => root));
  }

  drawInstance(status: Status): void {
    const { name, state, uptime, version, pid } = status;
    setText(byId('instance-name'), name);
    setText(byId('instance-facts'), `Evener ${version} · pid ${pid} · up ${durationText(uptime)}`);
    const badge = byId('instance-state');
    setText(badge, state);
    setAttribute(badge, 'data-state', state);
  }

  drawApp(app: AppStatus, status: Status): void {
    const { command, addresses, workers } = app;
    setText(byId('app-command'), command);
    setText(byId('app-addresses'), addresses.join(', '));
    const ready = byId('app-ready');
    const isPool = [...status.servers, ...status.sources].some(({ pool }) => pool === app.name);
    const text = isPool ? `${counted(workers.wanted, 'server')} up` : `${counted(workers.wanted, 'worker')} ready`;
    setText(ready, `${workers.ready} of ${text}`);
    setAttribute(ready, 'data-bad', workers.ready < workers.wanted);
    for (const { figure, root, value, share } of this.#figures) {
      setText(value, figure.text(app, status));
      setText(share, figure.share?.(app) ?? '');
      setAttribute(root, 'data-bad', figure.isBad?.(app) === true);
    }
    setText(byId('totals'), totalsText(app));
  }
}

function errorShareText({ errorsPerSecond, requestsPerSecond }: AppStatus['recent']): string {
  if (errorsPerSecond === 0 || requestsPerSecond === 0) return '';
  return percentText(Math.min(1, errorsPerSecond / requestsPerSecond));
}

function totalsText({ requests, retried, moved, shed, bytesIn, bytesOut }: AppStatus): string {
  const saved = `${countText(retried)} retried, ${countText(moved)} moved, ${countText(shed)} refused`;
  return `Since the start: ${counted(requests, 'request')}; ${saved}; ${bytesText(bytesIn)} in, ${bytesText(bytesOut)} out`;
}
