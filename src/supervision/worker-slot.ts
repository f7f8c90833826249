import { EvenerError } from '../core/evener-error.ts';
import type { Rng } from '../core/rng.ts';
import type { AppPlaces } from './app-places.ts';
import { BackOff } from './back-off.ts';
import type { WorkerProcess } from './worker-process.ts';
import { WorkerState } from './worker-state.ts';

/** A worker that was ready for this long has made up for the failures before it. */
const STABLE_AFTER_MS = 3_000;

/** Longest wait for a worker that is ready to listen everywhere that the one before it does: as long as a boot may take. */
const PLACES_LIMIT_MS = 30_000;

/** What takes longer is told of. */
const TELL_AFTER_MS = 1_000;

export interface WorkerSlotHost {
  /** Whether there is a core for one more that boots. If not, start() is called when there may be. */
  maySpawn(slot: WorkerSlot): boolean;
  spawn(slot: WorkerSlot): WorkerProcess;
  /** Longest wait before the slot's next start. ms */
  delayCapMs(slot: WorkerSlot): number;
  /** Where its app listens. */
  readonly places: AppPlaces;
  /** Its app has no other worker that serves. */
  isAlone(slot: WorkerSlot): boolean;
  /** The slot's new worker is ready, and is waited for to listen at these places, at most for so long. */
  awaits(worker: WorkerProcess, places: readonly string[], limitMs: number): void;
  /** After several restarts its worker has been ready for a good spell. */
  slotSettled(slot: WorkerSlot, restarts: number): void;
}

/** A worker that is to serve beside the present one until it is said which of them stays. */
export interface Tryout {
  readonly worker: WorkerProcess;
  /** @throws EvenerError EVENER_RELOAD_FAILED: it did not come up */
  readonly ready: Promise<void>;
}

interface Replacement {
  /** Resolves when it is over, well or not. */
  readonly settled: Promise<void>;
  /** It is not over when the successor is ready, but when it is said which of them stays. */
  readonly isTrial: boolean;
  /** The successor is ready. */
  readonly onReady: () => void;
  readonly resolve: () => void;
  readonly reject: (error: EvenerError) => void;
}

/** Of a successor that is ready, but does not listen yet wherever the present worker does. */
interface Handover {
  readonly limitMs: number;
  timer: NodeJS.Timeout;
}

/**
 * A numbered place that is kept filled with one worker: restarts it when it dies, at once the first time and then with
 * back-off, and replaces it by a successor that is ready before it goes.
 */
export class WorkerSlot {
  /** From 0. */
  readonly index: number;
  readonly #host: WorkerSlotHost;
  readonly #backOff: BackOff;
  #current: WorkerProcess | null = null;
  #successor: WorkerProcess | null = null;
  #replacement: Replacement | null = null;
  #handover: Handover | null = null;
  #timer: NodeJS.Timeout | null = null;
  #settling: NodeJS.Timeout | null = null;
  #nextStartAtMs = 0;
  #failedStarts = 0;
  #starts = 0;
  #isParked = false;
  #isClosed = false;
  #isRemoved = false;

  constructor(index: number, host: WorkerSlotHost, rng: Rng) {
    this.index = index;
    this.#host = host;
    this.#backOff = new BackOff(rng);
  }

  get current(): WorkerProcess | null {
    return this.#current;
  }

  get isBeingReplaced(): boolean {
    return this.#replacement !== null;
  }

  get isReady(): boolean {
    return this.#current?.state === WorkerState.Ready;
  }

  /** Who has taken the place of this worker, and is up; null = nobody. */
  successorOf(worker: WorkerProcess): WorkerProcess | null {
    return worker !== this.#current && this.isReady ? this.#current : null;
  }

  /** Starts in a row that did not lead to a ready worker. */
  get failedStarts(): number {
    return this.#failedStarts;
  }

  /** Restarts since a worker was last ready for a good spell. */
  get restarts(): number {
    return this.#backOff.attempts;
  }

  /** Workers that were started here so far. */
  get starts(): number {
    return this.#starts;
  }

  /** It was drained, and stays empty. */
  get isParked(): boolean {
    return this.#isParked;
  }

  /** The place is no more. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Until the next start; 0 when one is under way. ms */
  get nextStartInMs(): number {
    return this.#timer === null ? 0 : Math.max(0, this.#nextStartAtMs - performance.now());
  }

  start(): void {
    this.#cancelTimer();
    if (this.#isClosed || this.#isParked || this.#current !== null || this.#successor !== null) return;
    if (!this.#host.maySpawn(this)) return;
    this.#starts++;
    this.#current = this.#host.spawn(this);
  }

  /** As {@link start}, after a while or when it is told to {@link hurry}. */
  startLater(delayMs: number): void {
    this.#cancelTimer();
    this.#nextStartAtMs = performance.now() + delayMs;
    this.#timer = setTimeout(() => this.start(), delayMs);
  }

  /** Starts at once where it would be waiting: what made it fail seems to be over. */
  hurry(): void {
    if (this.#timer === null) return;
    this.#backOff.reset();
    this.start();
  }

  /**
   * Starts a successor, and lets the present worker go once that one is ready and listens wherever it does. One that is on
   * its way already may have been started before what this one is for: it is waited for. Of several who wait each sees the
   * one before it start.
   * @param limitMs how long the present one may take to finish what it has
   * @throws EvenerError EVENER_RELOAD_FAILED: the successor did not come up and the present worker stays, or the place was
   * taken away meanwhile
   */
  async replace(limitMs: number): Promise<void> {
    while (this.#replacement !== null) await this.#replacement.settled;
    if (this.#isClosed) throw this.#failure(this.#closure);
    this.#startSuccessor();
    await this.#awaitReplacement(false, () => this.#handOver(limitMs));
  }

  /**
   * Starts a successor that serves beside the present worker, until {@link promote} or {@link withdraw}.
   * @throws EvenerError EVENER_RELOAD_FAILED: the place was taken away meanwhile
   */
  async tryOut(): Promise<Tryout> {
    while (this.#replacement !== null) await this.#replacement.settled;
    if (this.#isClosed) throw this.#failure(this.#closure);
    const worker = this.#startSuccessor();
    const { promise: ready, resolve, reject } = withResolvers();
    this.#awaitReplacement(true, resolve).catch(reject);
    return { worker, ready };
  }

  /** The successor that was tried out stays; the other one goes, as at {@link replace}. @returns false when it is no more */
  async promote(limitMs: number): Promise<boolean> {
    const tried = this.#successor;
    if (tried === null) return false;
    const settled = this.#replacement?.settled;
    this.#handOver(limitMs);
    await settled;
    return this.#current === tried;
  }

  /** The successor that was tried out goes. */
  withdraw(limitMs: number): void {
    const successor = this.#successor;
    if (successor === null) return;
    this.#settleReplacement();
    this.#successor = null;
    successor.retire(limitMs);
    if (this.#current === null) this.#schedule();
  }

  /** Whether this worker serves beside the one that has the place: when it dies, nothing is started on its account. */
  isTrying(worker: WorkerProcess): boolean {
    const isBeside = this.#replacement?.isTrial === true || this.#handover !== null;
    return worker === this.#successor && isBeside && this.#current !== null;
  }

  /** Lets its worker finish what it has and end. Nobody takes its place until it is replaced. */
  drain(limitMs: number): void {
    this.#isParked = true;
    this.#cancelTimer();
    this.#current?.retire(limitMs);
  }

  ready(worker: WorkerProcess): void {
    this.#failedStarts = 0;
    this.#settle();
    if (worker === this.#successor) this.#replacement?.onReady();
  }

  /** One of its workers listens at one more place. */
  listens(worker: WorkerProcess): void {
    if (this.#handover !== null && worker === this.#successor) this.#handOver(this.#handover.limitMs);
  }

  /**
   * One of its workers has exited.
   * @param reason why it failed to start; null for one that was ready or was asked to go
   * @returns ms until its next start, null when there will be none on its account
   */
  exited(worker: WorkerProcess, reason: string | null): number | null {
    if (worker === this.#successor) {
      const ended = this.#handover === null ? '' : ' before it listened on all ports of the old one';
      this.#endHandover();
      this.#successor = null;
      this.#replacement?.reject(this.#failure(reason ?? `the new worker ended${ended}`));
      this.#replacement = null;
      return this.#current === null ? this.#schedule() : null;
    }
    if (worker !== this.#current) return null;
    this.#current = null;
    if (this.#isClosed || this.#isParked) return null;
    if (reason !== null) this.#failedStarts++;
    if (this.#settling !== null) clearTimeout(this.#settling);
    if (this.#successor === null) return this.#schedule();
    if (this.#handover !== null) this.#succeed(this.#handover.limitMs);
    return 0;
  }

  /** Starts nothing any more. Its workers are left to the caller. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#endHandover();
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#replacement?.reject(this.#failure(this.#closure));
    this.#replacement = null;
  }

  /** The same for good: there is one worker less. */
  remove(): void {
    this.#isRemoved = true;
    this.close();
  }

  get #closure(): string {
    return this.#isRemoved ? 'its place was taken away meanwhile' : 'stopped meanwhile';
  }

  #startSuccessor(): WorkerProcess {
    this.#cancelTimer();
    this.#isParked = false;
    this.#starts++;
    this.#successor = this.#host.spawn(this);
    return this.#successor;
  }

  async #awaitReplacement(isTrial: boolean, onReady: () => void): Promise<void> {
    const { promise, resolve, reject } = withResolvers();
    this.#replacement = { settled: promise.catch(() => {}), isTrial, onReady, resolve, reject };
    await promise;
  }

  /** An app may listen for its metrics first, and for its clients once it has reached its database. */
  #handOver(limitMs: number): void {
    if (this.#placesAwaited.length === 0) this.#succeed(limitMs);
    else if (this.#handover === null) {
      this.#handover = { limitMs, timer: setTimeout(() => this.#awaitPlaces(this.#handover!), TELL_AFTER_MS).unref() };
    }
  }

  #awaitPlaces(handover: Handover): void {
    const leftMs = PLACES_LIMIT_MS - TELL_AFTER_MS;
    this.#host.awaits(this.#successor!, this.#placesAwaited, leftMs);
    const giveUp = (): void => {
      this.#host.places.giveUp(this.#placesAwaited);
      this.#succeed(handover.limitMs);
    };
    handover.timer = setTimeout(giveUp, leftMs).unref();
  }

  get #placesAwaited(): readonly string[] {
    const missing = this.#current === null ? [] : this.#successor!.placesMissing(this.#current);
    return this.#host.places.wanted(missing, this.#host.isAlone(this));
  }

  #endHandover(): void {
    if (this.#handover !== null) clearTimeout(this.#handover.timer);
    this.#handover = null;
  }

  #settleReplacement(): void {
    this.#replacement?.resolve();
    this.#replacement = null;
  }

  /** The successor stays. All at once: who waits for the place starts the next one in the same turn. */
  #succeed(limitMs: number): void {
    this.#endHandover();
    this.#settleReplacement();
    this.#isParked = false;
    // In between it may have died; then there is nobody to retire.
    const old = this.#current;
    this.#current = this.#successor;
    this.#successor = null;
    // One that hangs is being explained, and ended when that is done.
    if (old?.dismissal !== 'hung') old?.retire(limitMs);
  }

  #failure(reason: string): EvenerError {
    return new EvenerError('EVENER_RELOAD_FAILED', reason, { slot: this.index, reason });
  }

  #settle(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
    if (this.#backOff.attempts === 0) return;
    this.#settling = setTimeout(() => {
      const restarts = this.#backOff.attempts;
      this.#backOff.reset();
      this.#host.slotSettled(this, restarts);
    }, STABLE_AFTER_MS);
    this.#settling.unref();
  }

  #schedule(): number | null {
    if (this.#isClosed || this.#isParked) return null;
    const delayMs = this.#backOff.next(this.#host.delayCapMs(this));
    this.startLater(delayMs);
    return delayMs;
  }

  #cancelTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Promise.withResolvers() is not in Node 20. */
function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: EvenerError) => void } {
  let resolve = (): void => {};
  let reject = (_error: EvenerError): void => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
