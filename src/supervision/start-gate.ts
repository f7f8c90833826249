import { availableCores } from '../config/available-cores.ts';
import { setTimeout } from '../core/timers.ts';
import { lookAtProcess } from './process-look.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSlot } from './worker-slot.ts';

/** Workers that boot at a time, for each core: some wait for a disk or a database meanwhile. */
const STARTS_PER_CORE = 2;
/** One that takes longer, and all of a core for it, is not waited for: it may be in an endless loop. */
const LONGEST_MS = 10_000;

/**
 * Lets as many workers boot at a time as there are cores for, of all apps. Started all at once, many take the cores from one
 * another until none is up before its boot time-out. One that does not use its core while it boots keeps nobody waiting. For
 * those that take the place of one that has served there is as much room again: no app's boot is to keep another's from that.
 */
export class StartGate {
  readonly #places: number;
  readonly #booting = new Set<WorkerProcess>();
  readonly #waiting = new Set<WorkerSlot>();
  #isLooking = false;

  constructor(places: number = STARTS_PER_CORE * availableCores()) {
    this.#places = places;
  }

  /** Whether the slot may start a worker now. If not, its start() is called when it may try again. */
  admits(slot: WorkerSlot): boolean {
    if (this.#hasRoomFor(slot)) return true;
    this.#waiting.add(slot);
    void this.#look();
    return false;
  }

  /** A worker was started, be it by a slot that had to ask or not. */
  entered(worker: WorkerProcess): void {
    this.#booting.add(worker);
    setTimeout(() => this.left(worker), LONGEST_MS).unref();
  }

  /** A worker is up, or has ended. */
  left(worker: WorkerProcess): void {
    if (this.#booting.delete(worker)) this.#letIn();
  }

  #letIn(): void {
    for (const isFirst of [true, false]) {
      for (const slot of [...this.#waiting]) {
        if (hasServed(slot) !== isFirst || !this.#hasRoomFor(slot)) continue;
        this.#waiting.delete(slot);
        slot.start();
      }
    }
  }

  #hasRoomFor(slot: WorkerSlot): boolean {
    return this.#booting.size < (hasServed(slot) ? 2 * this.#places : this.#places);
  }

  /** As long as somebody waits: who of those that boot does without a core just now? */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#waiting.size > 0) {
      const looks = [...this.#booting].map(async (worker) => {
        if ((await lookAtProcess(worker.pid)).activity !== 'spinning') this.left(worker);
      });
      await Promise.all(looks);
    }
    this.#isLooking = false;
  }
}

/** Its worker was lost, which others are not to have come before. */
function hasServed(slot: WorkerSlot): boolean {
  return slot.starts > 0 && slot.failedStarts === 0;
}
