import { setInterval, setTimeout } from '../core/timers.ts';
import type { Counters } from '../observability/counters.ts';
import type { ClientAdmission } from './client-admission.ts';
import { SocketHolder } from './socket-holder.ts';

/** What of it has to be in use before sockets are kept elsewhere, which takes a process of 45 MB and a moment. */
const PREPARED_FROM = 3 / 4;
/** Under this part of the limit, for so long, that is no longer needed. ms */
const CALM_BELOW = 1 / 2;
const CALM_MS = 60_000;

/** How often it is looked whether there is room again. ms */
const LOOK_EVERY_MS = 50;

/** Nobody waits longer for room in the kernel's queue, of which he learns nothing: from then on clients are told. ms */
const LONGEST_MS = 1_000;

/** A socket that could not be opened again is tried so often. ms */
const TRY_AGAIN_MS = 250;

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
  #sinceMs = 0;
  #look: NodeJS.Timeout | null = null;
  /** It has waited in vain, and there was no room since. */
  #isInVain = false;
  #calmSinceMs = 0;

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
    this.#holder?.drop(listener.id);
  }

  /** A client was let in, or refused for want of room. To be called each time. */
  looked(): void {
    const { open } = this.#admission;
    if (open < this.#limit * PREPARED_FROM) return;
    this.#prepare();
    if (open >= this.#limit) this.#pause();
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
    if (this.#look !== null || this.#admission.open >= this.#limit * CALM_BELOW) this.#calmSinceMs = nowMs;
    else if (nowMs - this.#calmSinceMs >= CALM_MS) this.#dismiss();
  }

  /** No descriptor was left for a client, which was closed for it. */
  exhausted(): void {
    if (!this.#admission.makeRoom()) this.#pause();
  }

  /** Accepts again, where it does not. Resolves when it does. */
  async end(): Promise<void> {
    if (this.#look === null) return;
    clearInterval(this.#look);
    this.#look = null;
    await Promise.all([...this.#listeners].map((listener) => this.#resume(listener)));
  }

  close(): void {
    if (this.#look !== null) clearInterval(this.#look);
    this.#look = null;
    this.#dismiss();
  }

  #prepare(): void {
    if (this.#holder !== null && !this.#holder.isGone) return;
    this.#holder = new SocketHolder();
    this.#calmSinceMs = performance.now();
    for (const listener of this.#listeners) this.#keep(listener);
  }

  #keep(listener: PausableListener): void {
    const { handle } = listener;
    if (handle !== null) this.#holder?.keep(listener.id, handle);
  }

  #pause(): void {
    const holder = this.#holder;
    if (holder === null || this.#look !== null || this.#isInVain || this.#admission.hasIdle) return;
    let isPaused = false;
    for (const listener of this.#listeners) {
      // One that is still on its way back has no handle.
      if (listener.handle === null || !holder.has(listener.id)) continue;
      listener.pause();
      isPaused = true;
    }
    if (!isPaused) return;
    this.#counters.acceptPaused();
    this.#sinceMs = performance.now();
    this.#look = setInterval(() => this.#lookForRoom(), LOOK_EVERY_MS);
  }

  #lookForRoom(): void {
    const isLong = performance.now() - this.#sinceMs >= LONGEST_MS;
    if (!isLong && this.#admission.open >= this.#limit && !this.#admission.hasIdle && !this.#holder!.isGone) return;
    this.#isInVain = isLong;
    void this.end();
  }

  async #resume(listener: PausableListener): Promise<void> {
    while (listener.isPaused) {
      const handle = (await this.#holder?.giveBack(listener.id)) ?? null;
      // Without a descriptor for it the socket is still there, and keeps its address.
      const isOpenElsewhere = handle === null && this.#holder?.has(listener.id) === true;
      try {
        if (!isOpenElsewhere) await listener.resume(handle);
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
