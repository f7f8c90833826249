import { OUTCOMES, type Outcome } from '../core/outcome.ts';
import { methodName } from '../http1/method-names.ts';
import { BUCKETS, bucketOf } from './histogram.ts';
import {
  COUNTED_METHODS,
  POOL_CELLS,
  PoolCell,
  STATUS_ROWS,
  sectionOf,
  sectionsOf,
  sharedBlock,
} from './shared-memory.ts';

/** Column of each method number, 0-255. */
const METHOD_COLUMNS: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const column = COUNTED_METHODS.indexOf(methodName(code));
  return column === -1 ? COUNTED_METHODS.length - 1 : column;
});

/** How one exchange went, as its meter and the access log see it. Times are monotonic ms of the thread. */
export interface ExchangeFacts {
  /** Number of the method, see `http1/methods.ts`. */
  readonly method: number;
  /** What was sent; 0 = nothing was. */
  readonly status: number;
  readonly outcome: Outcome;
  readonly startedAtMs: number;
  /** When an endpoint first got it; 0 = none did. */
  readonly openedAtMs: number;
  /** Head and body, without the body's framing. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What one thread counts for one pool. Recording an exchange costs 20 ns (`bench/micro/metrics.ts`). */
export class PoolMeter {
  readonly #cells: Float64Array;

  /** A thread that takes the place of another goes on counting where that one ended; nothing of it is under way yet. */
  constructor(block: SharedArrayBuffer = sharedBlock(1, POOL_CELLS), thread: number = 0) {
    this.#cells = sectionOf(block, thread, POOL_CELLS);
    this.#cells[PoolCell.Active] = 0;
    this.#cells[PoolCell.Queued] = 0;
  }

  admitted(): void {
    this.#cells[PoolCell.Requests]!++;
    this.#cells[PoolCell.Active]!++;
  }

  /** The length of its queues has changed by so much. */
  queued(by: number): void {
    this.#cells[PoolCell.Queued]! += by;
  }

  retried(): void {
    this.#cells[PoolCell.Retried]!++;
  }

  moved(): void {
    this.#cells[PoolCell.Moved]!++;
  }

  shed(count: number): void {
    this.#cells[PoolCell.Shed]! += count;
  }

  /** An exchange is over. `wasAdmitted`: {@link admitted} was called for it. */
  finished(exchange: ExchangeFacts, wasAdmitted: boolean, nowMs: number): void {
    const cells = this.#cells;
    const { status, startedAtMs, openedAtMs } = exchange;
    const durationMs = nowMs - startedAtMs;
    const queuedMs = (openedAtMs === 0 ? nowMs : openedAtMs) - startedAtMs;
    if (wasAdmitted) cells[PoolCell.Active]!--;
    cells[PoolCell.BytesIn]! += exchange.bytesIn;
    cells[PoolCell.BytesOut]! += exchange.bytesOut;
    cells[PoolCell.DurationMs]! += durationMs;
    cells[PoolCell.QueuedMs]! += queuedMs;
    cells[PoolCell.Outcomes + exchange.outcome]!++;
    cells[PoolCell.Durations + bucketOf(durationMs)]!++;
    cells[PoolCell.Queues + bucketOf(queuedMs)]!++;
    const row = status >= 100 && status < 600 ? status - 99 : 0;
    cells[PoolCell.Responses + row * COUNTED_METHODS.length + METHOD_COLUMNS[exchange.method & 0xff]!]!++;
  }

  /** A request was refused before it could become an exchange. */
  refused(outcome: Outcome, status: number): void {
    this.#cells[PoolCell.Outcomes + outcome]!++;
    this.#cells[PoolCell.Responses + (status - 99) * COUNTED_METHODS.length + COUNTED_METHODS.length - 1]!++;
  }

  /** A copy of what was counted. */
  read(): PoolReading {
    return new PoolReading([this.#cells]);
  }
}

/** What all threads have counted for one pool, as of one moment. */
export class PoolReading {
  readonly #cells: Float64Array;

  constructor(sections: readonly Float64Array[]) {
    this.#cells = new Float64Array(POOL_CELLS);
    for (const section of sections) for (let i = 0; i < POOL_CELLS; i++) this.#cells[i]! += section[i]!;
  }

  static of(block: SharedArrayBuffer): PoolReading {
    return new PoolReading(sectionsOf(block, POOL_CELLS));
  }

  get requests(): number {
    return this.#cells[PoolCell.Requests]!;
  }

  /** Admitted and not finished. */
  get active(): number {
    return this.#cells[PoolCell.Active]!;
  }

  get queued(): number {
    return this.#cells[PoolCell.Queued]!;
  }

  /** With an endpoint. */
  get inFlight(): number {
    return Math.max(0, this.active - this.queued);
  }

  get retried(): number {
    return this.#cells[PoolCell.Retried]!;
  }

  get moved(): number {
    return this.#cells[PoolCell.Moved]!;
  }

  get shed(): number {
    return this.#cells[PoolCell.Shed]!;
  }

  get bytesIn(): number {
    return this.#cells[PoolCell.BytesIn]!;
  }

  get bytesOut(): number {
    return this.#cells[PoolCell.BytesOut]!;
  }

  get durationMs(): number {
    return this.#cells[PoolCell.DurationMs]!;
  }

  get queuedMs(): number {
    return this.#cells[PoolCell.QueuedMs]!;
  }

  /** Exchanges that have ended, those refused at the door included. */
  get finished(): number {
    return this.outcomes.reduce((sum, count) => sum + count, 0);
  }

  /** By number of the outcome. */
  get outcomes(): Float64Array {
    return this.#cells.slice(PoolCell.Outcomes, PoolCell.Outcomes + OUTCOMES.length);
  }

  /** By bucket. */
  get durations(): Float64Array {
    return this.#cells.slice(PoolCell.Durations, PoolCell.Durations + BUCKETS);
  }

  /** By bucket. */
  get queues(): Float64Array {
    return this.#cells.slice(PoolCell.Queues, PoolCell.Queues + BUCKETS);
  }

  /** What was counted at least once; status 0 = none was sent. */
  *responses(): Iterable<{ readonly status: number; readonly method: string; readonly count: number }> {
    for (let row = 0; row < STATUS_ROWS; row++) {
      for (const [column, method] of COUNTED_METHODS.entries()) {
        const count = this.#cells[PoolCell.Responses + row * COUNTED_METHODS.length + column]!;
        if (count > 0) yield { status: row === 0 ? 0 : row + 99, method, count };
      }
    }
  }
}
