import type { WorkerState, WorkerStatus } from './api-types.ts';
import { byId, element, onPress, setAttribute, setEnabled, setText } from './dom.ts';
import { bytesText, countText, durationText, percentText, rateText, spanText, UNKNOWN } from './format.ts';
import type { History, WorkerSeries } from './history.ts';
import { Strip } from './strip.ts';

export type WorkerAct = 'show' | 'why' | 'restart' | 'drain';

export type WorkerActed = (act: WorkerAct, worker: WorkerStatus) => void;

/** Fewer than so many in flight do not fill a strip. */
const LEAST_IN_FLIGHT = 4;
/** Beyond it the delay of an event loop is shown as trouble. */
const LONG_DELAY_MS = 100;

const COLUMNS = ['Worker', 'State', 'Requests/s', 'In flight', 'Event loop', 'Memory', 'Restarts', 'Up', 'Actions'];

/** What all rows are measured by. */
interface Scales {
  readonly inFlight: number;
  readonly memory: number;
}

/**
 * A row for each worker. Rows belong to places, not to processes: when a worker is replaced the row stays, and with it
 * the reader's place in the page.
 */
export class Workers {
  readonly #body: HTMLTableSectionElement = element('tbody');
  readonly #rows = new Map<string, Row>();
  readonly #acted: WorkerActed;
  #busy: ReadonlyMap<string, string> = new Map();

  constructor(acted: WorkerActed) {
    this.#acted = acted;
    const heads = COLUMNS.map((name) => element('th', { scope: 'col' }, name));
    byId('workers-table').append(element('thead', {}, element('tr', {}, ...heads)), this.#body);
  }

  /** @param busy what is being done, by id of a worker */
  draw(workers: readonly WorkerStatus[], history: History, busy: ReadonlyMap<string, string>): void {
    this.#busy = busy;
    byId('workers').hidden = workers.length === 0;
    const series = workers.map((worker) => history.worker(worker));
    const scales: Scales = {
      inFlight: Math.max(LEAST_IN_FLIGHT, ...series.flatMap((one) => one?.inFlight ?? [])),
      memory: 1.15 * Math.max(1, ...series.flatMap((one) => one?.memory ?? [])),
    };
    const ordinals = new Map<string, number>();
    const present = new Set<string>();
    workers.forEach((worker, i) => {
      const ordinal = ordinals.get(worker.id) ?? 0;
      ordinals.set(worker.id, ordinal + 1);
      const key = `${worker.id}#${ordinal}`;
      present.add(key);
      const row = this.#rows.get(key) ?? this.#addRow(key, ordinal);
      row.draw(worker, series[i]!, scales, this.#busy.get(worker.id) ?? null);
      if (this.#body.rows[i] !== row.root) this.#body.insertBefore(row.root, this.#body.rows[i] ?? null);
    });
    for (const [key, row] of this.#rows) {
      if (present.has(key)) continue;
      row.root.remove();
      this.#rows.delete(key);
    }
  }

  #addRow(key: string, ordinal: number): Row {
    const row = new Row(ordinal, this.#acted);
    this.#rows.set(key, row);
    return row;
  }
}

class Row {
  readonly root: HTMLTableRowElement;
  #worker: WorkerStatus | null = null;
  readonly #isSuccessor: boolean;
  readonly #name = element('button', { type: 'button', class: 'link' });
  readonly #pid = element('span', { class: 'quiet' });
  readonly #state = element('span', { class: 'state' });
  readonly #rate = element('span');
  readonly #inFlight = element('span', { class: 'figure' });
  readonly #inFlightStrip = new Strip();
  readonly #busy = element('span', { class: 'figure' });
  readonly #delay = element('span', { class: 'quiet' });
  readonly #loopStrip = new Strip();
  readonly #memory = element('span', { class: 'figure' });
  readonly #memoryStrip = new Strip();
  readonly #restarts = element('span');
  readonly #uptime = element('span');
  readonly #buttons = { why: button('Why'), restart: button('Restart'), drain: button('Drain') };

  /** @param ordinal 0; that of a worker that is to replace another, beside it, 1 */
  constructor(ordinal: number, acted: WorkerActed) {
    this.#isSuccessor = ordinal > 0;
    this.root = element('tr', { class: this.#isSuccessor ? 'successor' : false }, ...this.#cells());
    const act = (which: WorkerAct) => (): void => {
      if (this.#worker !== null) acted(which, this.#worker);
    };
    onPress(this.#name, act('show'));
    onPress(this.#buttons.why, act('why'));
    onPress(this.#buttons.restart, act('restart'));
    onPress(this.#buttons.drain, act('drain'));
  }

  draw(worker: WorkerStatus, series: WorkerSeries | null, scales: Scales, busy: string | null): void {
    this.#worker = worker;
    const { id, pid, state, eventLoop } = worker;
    setAttribute(this.root, 'data-state', state);
    setText(this.#name, this.#isSuccessor ? `${id}, next` : id);
    setAttribute(this.#name, 'aria-label', `Worker ${id}${this.#isSuccessor ? ', next' : ''}: details`);
    setText(this.#pid, pid === null ? '' : `pid ${pid}`);
    setText(this.#state, busy ?? state);
    setText(this.#rate, pid === null ? UNKNOWN : rateText(series?.requestsPerSecond ?? 0));
    setText(this.#inFlight, countText(worker.inFlight));
    setText(this.#busy, pid === null ? UNKNOWN : state === 'stalled' ? 'blocked' : percentText(eventLoop.utilization));
    setText(this.#delay, pid === null ? '' : spanText(eventLoop.delayMs));
    setAttribute(this.#delay, 'data-long', eventLoop.delayMs > LONG_DELAY_MS);
    setText(this.#memory, bytesText(worker.memory));
    setText(this.#restarts, countText(worker.restarts));
    setText(this.#uptime, pid === null ? UNKNOWN : durationText(worker.uptime));
    this.#inFlightStrip.drawBars(series?.inFlight ?? [], scales.inFlight);
    this.#loopStrip.drawBars(series?.utilization ?? [], 1, series?.isStalled ?? []);
    this.#memoryStrip.drawLine(series?.memory ?? [], scales.memory);
    this.#drawButtons(id, state, pid !== null, busy !== null);
  }

  #drawButtons(id: string, state: WorkerState, isRunning: boolean, isBusy: boolean): void {
    const { why, restart, drain } = this.#buttons;
    const isEmpty = state === 'drained' || state === 'waiting';
    setText(restart, isEmpty ? 'Start' : 'Restart');
    setAttribute(why, 'aria-label', `Why: what is worker ${id} doing?`);
    setAttribute(restart, 'aria-label', `${isEmpty ? 'Start' : 'Restart'} worker ${id}`);
    setAttribute(drain, 'aria-label', `Drain worker ${id}`);
    // The API knows places only: what is asked of this one would be done to the one before it.
    for (const one of [why, restart, drain]) setAttribute(one, 'hidden', this.#isSuccessor);
    setEnabled(why, isRunning && state !== 'stopping');
    setEnabled(restart, !isBusy && state !== 'starting' && state !== 'stopping');
    setEnabled(drain, !isBusy && (state === 'ready' || state === 'stalled'));
  }

  #cells(): HTMLElement[] {
    const { why, restart, drain } = this.#buttons;
    return [
      element('th', { scope: 'row' }, this.#name, ' ', this.#pid),
      cell('State', this.#state),
      cell('Requests/s', this.#rate),
      cell('In flight', pair(this.#inFlight, this.#inFlightStrip)),
      cell('Event loop', pair(this.#busy, this.#loopStrip, this.#delay)),
      cell('Memory', pair(this.#memory, this.#memoryStrip)),
      cell('Restarts', this.#restarts),
      cell('Up', this.#uptime),
      cell('Actions', element('span', { class: 'row-actions' }, why, restart, drain)),
    ];
  }
}

/** On a phone the head of the table is away, and each cell tells its own. */
function cell(label: string, content: HTMLElement): HTMLTableCellElement {
  return element('td', { 'data-label': label, class: `cell-${label.toLowerCase().replace(/\W/g, '-')}` }, content);
}

function pair(figure: HTMLElement, strip: Strip, ...more: HTMLElement[]): HTMLElement {
  return element('span', { class: 'figure-strip' }, figure, strip.root, ...more);
}

function button(text: string): HTMLButtonElement {
  return element('button', { type: 'button', class: 'quiet-button' }, text);
}
