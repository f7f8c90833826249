import type { Clock } from '../core/clock.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Transport } from '../exchange/transport.ts';
import { BEAT_MS, MISSED_BEATS, REVOKED_AFTER_MS, STREAMS_PER_NOTE } from '../link/ledger.ts';
import { isBefore, StreamTable } from '../link/stream-table.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { StreamLedger } from './stream-ledger.ts';

/** How often a request may leave a worker that is perhaps only slow: where all are, it would go round. */
const EARLY_MOVES = 2;

/** What a worker has been sent and has not finished, what of it has begun, and what is taken back from a silent one. */
export class LinkStreams {
  readonly #endpoint: Endpoint<Transport>;
  readonly #clock: Clock;
  /** Asks the worker for a sign of life. */
  readonly #ping: () => void;
  readonly #table = new StreamTable<Exchange>();
  #next: number;
  #ledger: StreamLedger | null = null;
  /** The ledger's number, which must not become less: what was taken back before may still lie unread in the worker's socket. */
  #revokedUpTo = 0;
  /** Sees to what is in flight while the worker is silent; null until something first was. */
  #watch: NodeJS.Timeout | null = null;
  #isWatching = false;

  /** @param first number of the first stream */
  constructor(endpoint: Endpoint<Transport>, clock: Clock, ping: () => void, first: number = 1) {
    this.#next = first;
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#ping = ping;
  }

  /** The file that says what the worker has begun, and by which requests are taken back from it. */
  setLedger(ledger: StreamLedger | null): void {
    this.#ledger = ledger;
  }

  get(stream: number): Exchange | null {
    return this.#table.get(stream);
  }

  /** Whether there has been such a stream: frames of those that we ended may still be under way. */
  hasOpened(stream: number): boolean {
    return isBefore(stream, this.#next);
  }

  /** @returns the number of its stream */
  add(exchange: Exchange): number {
    const stream = this.#newStream();
    exchange.stream = stream;
    this.#table.add(exchange);
    if (!this.#isWatching) this.#watchSilence();
    return stream;
  }

  /** @returns whether it was there */
  delete(exchange: Exchange): boolean {
    return this.#table.delete(exchange);
  }

  /** Each with what is known of its beginning. A copy, in the order in which they were sent. */
  values(): Exchange[] {
    this.learnBegun();
    return this.#table.values();
  }

  /** Takes all of them out. */
  clear(): Exchange[] {
    return this.#table.clear();
  }

  /** The worker has begun all up to this one. @returns false where there has been no such stream */
  begunUpTo(stream: number): boolean {
    if (!this.hasOpened(stream)) return false;
    this.#table.forEach((exchange) => {
      if (!isBefore(stream, exchange.stream)) exchange.onBegun();
    });
    return true;
  }

  /** What the worker has begun, and what it has not. */
  learnBegun(): void {
    if (this.#ledger === null || this.#table.size === 0) return;
    const notes = this.#ledger.read();
    if (notes === null) {
      this.begunUpTo((this.#next - 1) >>> 0);
      return;
    }
    const { begun, allFrom } = notes;
    this.#table.forEach((exchange) => {
      if (!isBefore(begun, exchange.stream)) exchange.onBegun();
      else exchange.onNotBegun(allFrom !== 0 && !isBefore(exchange.stream, allFrom));
    });
  }

  /** Safe requests that have waited for long are run elsewhere as well. */
  hedge(nowMs: number): void {
    for (const exchange of this.#table.values()) {
      const { hedgeMs } = exchange.dispatcher;
      if (hedgeMs === 0 || nowMs - exchange.startedAtMs < hedgeMs) continue;
      if (exchange.isHedgeable && exchange.hasAlternative) exchange.hedge(nowMs);
    }
  }

  /** The link is closed: what it had begun until then is known, and nothing more is taken back. */
  close(): void {
    if (this.#watch !== null) clearTimeout(this.#watch);
    this.learnBegun();
    this.#ledger?.close();
    this.#ledger = null;
  }

  /** Numbers go round after 2^32; one that a tunnel has kept all the while is passed over. */
  #newStream(): number {
    let stream = this.#next;
    while (stream === 0 || this.#table.get(stream) !== null) stream = (stream + 1) >>> 0;
    this.#next = (stream + 1) >>> 0;
    // Kept from becoming so old that it seems to be of streams to come. What it has not begun the worker asks for, and gets.
    if ((stream & STREAMS_PER_NOTE) === 0) {
      this.#revokedUpTo = (stream - 1) >>> 0;
      this.#ledger?.revoke(this.#revokedUpTo);
    }
    return stream;
  }

  /** Something is in flight: until nothing is, it is looked now and then whether the worker is silent. */
  #watchSilence(): void {
    if (this.#ledger === null) return;
    this.#isWatching = true;
    if (this.#watch !== null) this.#watch.refresh();
    else this.#watch = setTimeout(this.#onWatch, REVOKED_AFTER_MS).unref();
  }

  readonly #onWatch = (): void => {
    this.#isWatching = false;
    if (this.#table.size === 0) return;
    this.#watchSilence();
    // Where this thread itself was held up, what the worker has said meanwhile is still to be read.
    if (this.#isSilent) setImmediate(() => this.#takeBack());
  };

  get #isSilent(): boolean {
    return this.#endpoint.quietMs(this.#clock.tick()) >= REVOKED_AFTER_MS;
  }

  /**
   * Takes back what a silent worker has not begun: something else keeps its event loop. If it goes on it asks for each of
   * them, and until it is heard of it is not picked.
   */
  #takeBack(): void {
    const ledger = this.#ledger;
    if (ledger === null || !this.#isSilent || this.#hasBegunAll(ledger)) return;
    const { nowMs } = this.#clock;
    this.learnBegun();
    const takeable = this.#takeable(nowMs);
    const last = takeable.at(-1);
    if (last === undefined) return;
    if (isBefore(this.#revokedUpTo, last.stream)) this.#revokedUpTo = last.stream;
    if (!ledger.revoke(this.#revokedUpTo)) return;
    // What it has begun until then.
    this.learnBegun();
    this.#endpoint.holdUp();
    this.#ping();
    for (const exchange of takeable) {
      if (exchange.isUnbegun && exchange.hasAlternative) exchange.takeBack(nowMs);
    }
  }

  #hasBegunAll(ledger: StreamLedger): boolean {
    const notes = ledger.read();
    return notes !== null && !isBefore(notes.begun, (this.#next - 1) >>> 0);
  }

  /**
   * What is old enough and not begun, in the order in which it was sent, and as much of it as others have room for. Where
   * none of them is free this worker keeps one, so that it has something to go on with. What it keeps is the last, since
   * for all that was sent before the last that is taken it has to ask.
   */
  #takeable(nowMs: number): Exchange[] {
    const isStuck = this.#endpoint.isStalled && this.#endpoint.quietMs(nowMs) >= MISSED_BEATS * BEAT_MS;
    const mostMoves = isStuck ? Number.POSITIVE_INFINITY : EARLY_MOVES;
    const unbegun = this.#table
      .values()
      .filter((one) => nowMs - one.sentAtMs >= REVOKED_AFTER_MS && one.moves < mostMoves && one.isUnbegun);
    const first = unbegun[0];
    if (first === undefined) return unbegun;
    // To wait elsewhere is no better than to wait here, before it is certain that this one gets on with nothing.
    if (!first.hasFreeAlternative && !isStuck) return [];
    unbegun.sort((a, b) => (isBefore(a.stream, b.stream) ? -1 : 1));
    const kept = first.hasFreeAlternative ? 0 : 1;
    return unbegun.slice(0, Math.min(first.dispatcher.roomBeside(this.#endpoint), unbegun.length - kept));
  }
}
