import { setInterval, setTimeout } from '../core/timers.ts';
import type { Counters } from '../observability/counters.ts';
import type { ClientAdmission } from './client-admission.ts';
import { SocketHolder } from './socket-holder.ts';

/** Part of the limit from which on sockets are kept elsewhere as well, which takes a process of 45 MB and a moment. */
const PREPARED_FROM = 3 / 4;
/** Under this part of the limit that is no longer needed, once it has lasted for so long (ms). */
const CALM_BELOW = 1 / 2;
const CALM_MS = 60_000;

/** How often it is looked whether there is room again. ms */
const LOOK_EVERY_MS = 50;

/** Nobody waits longer for room in the kernel's queue, of which he learns nothing: from then on clients are told. ms */
const LONGEST_MS = 1_000;

/** Where accepting failed for want of a descriptor, which something else than clients may have: so long at a time. ms */
const EXHAUSTED_MS = 500;

/** A socket that could not be opened again is tried so often. ms */
const TRY_AGAIN_MS = 250;

/** The process that keeps sockets is not started more often. ms */
const START_AGAIN_MS = 10_000;

/** A listener as seen from here. */
export interface PausableListener {
  readonly id: number;
  readonly isPaused: boolean;
  /** null while it does not accept. */
  readonly handle: object | null;
  /** Closes the socket here. */
  pause(): void;
  /** Accepts again. @param handle null = the socket has to be opened anew. Rejects with the system's error. */
  resume(handle: object | null): Promise<void>;
}

/**
 * Accepts no connections for a moment when there are as many as descriptors allow and none is idle: newcomers wait in
 * the kernel's queue until one of the others is done. Where that takes longer than a second they are told so instead,
 * until there was room.
 */
export class AcceptPause {
  readonly #admission: ClientAdmission;
  readonly #counters: Counters;
  readonly #listeners = new Set<PausableListener>();
  #limit = Number.POSITIVE_INFINITY;
  #holder: SocketHolder | null = null;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #sinceMs = 0;
  /** While it is paused. */
  #look: NodeJS.Timeout | null = null;
  /** No descriptor was left, whatever the limit says. */
  #isExhausted = false;
  /** Until every listener accepts again. */
  #ending: Promise<void> | null = null;
  /** It has waited in vain, and there was no room since. */
  #isInVain = false;
  #isStopped = false;
  #calmSinceMs = 0;
  readonly #drops = new Set<Promise<void>>();

  constructor(admission: ClientAdmission, counters: Counters) {
    this.#admission = admission;
    this.#counters = counters;
  }

  /** @param limit connections that descriptors allow; Infinity where it is not they that limit them */
  configure(limit: number): void {
    this.#limit = limit;
  }

  add(listener: PausableListener): void {
    this.#listeners.add(listener);
    this.#keep(listener);
  }

  /** It is closed for good. */
  remove(listener: PausableListener): void {
    this.#listeners.delete(listener);
    // It may be on its way there, so that nothing is known of it yet.
    if (this.#holder === null || this.#holder.isGone) return;
    const drop = this.#holder.drop(listener.id).finally(() => this.#drops.delete(drop));
    this.#drops.add(drop);
  }

  /** Resolves when the addresses of closed listeners are free. */
  async freed(): Promise<void> {
    await Promise.all(this.#drops);
  }

  /** A client was let in, or refused for want of room. To be called each time. */
  looked(): void {
    const { open } = this.#admission;
    if (open < this.#limit * PREPARED_FROM || this.#isHeldBack) return;
    this.#prepare();
    if (open >= this.#limit && !this.#isInVain && !this.#admission.hasIdle) this.#pause();
  }

  /** A client has gone. To be called each time. */
  left(): void {
    if (this.#admission.open >= this.#limit) return;
    this.#isInVain = false;
    if (this.#look !== null) void this.end();
  }

  /** To be called now and then; at `nowMs` (monotonic). */
  step(nowMs: number): void {
    if (this.#holder === null) return;
    if (this.#isHeldBack || this.#admission.open >= this.#limit * CALM_BELOW) this.#calmSinceMs = nowMs;
    else if (nowMs - this.#calmSinceMs >= CALM_MS) this.#dismiss();
  }

  /** No descriptor was left for a client, which was closed for it. */
  exhausted(): void {
    if (this.#admission.makeRoom() || this.#isHeldBack) return;
    this.#pause();
    this.#isExhausted = this.#look !== null;
  }

  /** Accepts again, where it does not. Resolves when it does. */
  end(): Promise<void> {
    if (this.#look !== null) {
      clearInterval(this.#look);
      this.#look = null;
      this.#isExhausted = false;
      const all = [...this.#listeners].map((listener) => this.#resume(listener));
      this.#ending = Promise.all(all).then(() => {
        this.#ending = null;
      });
    }
    return this.#ending ?? Promise.resolve();
  }

  /** It is never paused again. Resolves when every listener accepts. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.end();
  }

  close(): void {
    this.#isStopped = true;
    if (this.#look !== null) clearInterval(this.#look);
    this.#look = null;
    this.#dismiss();
  }

  /** It is paused, or on its way back, or for good. */
  get #isHeldBack(): boolean {
    return this.#look !== null || this.#ending !== null || this.#isStopped;
  }

  #prepare(): void {
    const nowMs = performance.now();
    if (this.#holder?.isGone === false || nowMs - this.#startedAtMs < START_AGAIN_MS) return;
    this.#startedAtMs = nowMs;
    this.#calmSinceMs = nowMs;
    this.#holder = new SocketHolder();
    for (const listener of this.#listeners) this.#keep(listener);
  }

  #keep(listener: PausableListener): void {
    const { handle } = listener;
    if (handle !== null) this.#holder?.keep(listener.id, handle);
  }

  #pause(): void {
    const kept = [...this.#listeners].filter(({ id, handle }) => handle !== null && this.#holder?.has(id) === true);
    if (kept.length === 0) return;
    for (const listener of kept) listener.pause();
    this.#counters.acceptPaused();
    this.#sinceMs = performance.now();
    this.#look = setInterval(() => this.#lookForRoom(), LOOK_EVERY_MS);
  }

  #lookForRoom(): void {
    const pausedMs = performance.now() - this.#sinceMs;
    const isFull = this.#admission.open >= this.#limit && !this.#admission.hasIdle;
    const waits = this.#isExhausted ? pausedMs < EXHAUSTED_MS : isFull && pausedMs < LONGEST_MS;
    if (waits && !this.#holder!.isGone) return;
    this.#isInVain = isFull && pausedMs >= LONGEST_MS;
    void this.end();
  }

  async #resume(listener: PausableListener): Promise<void> {
    for (;;) {
      const handle = listener.isPaused ? ((await this.#holder?.giveBack(listener.id)) ?? null) : null;
      if (!listener.isPaused) {
        (handle as { close(): void } | null)?.close();
        return;
      }
      // Without a descriptor for it here the socket is still there, and has its address.
      const isElsewhere = handle === null && this.#holder?.has(listener.id) === true;
      try {
        if (!isElsewhere) await listener.resume(handle);
      } catch {
        // Tried again.
      }
      if (listener.isPaused) await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      else if (handle === null) this.#keep(listener);
    }
  }

  #dismiss(): void {
    this.#holder?.close();
    this.#holder = null;
  }
}
