import { sectionOf, sectionsOf, sharedBlock, sharedNowMs, WORKER_CELLS, WorkerCell } from './shared-memory.ts';

/** What one thread knows of one worker. */
export class WorkerMeter {
  readonly #cells: Float64Array;
  /** Sections of the other threads. */
  readonly #others: readonly Float64Array[];

  constructor(block: SharedArrayBuffer = sharedBlock(1, WORKER_CELLS), thread: number = 0) {
    this.#cells = sectionOf(block, thread, WORKER_CELLS);
    this.#others = sectionsOf(block, WORKER_CELLS).filter((_, other) => other !== thread);
  }

  /** There are other threads that send it requests. */
  get isShared(): boolean {
    return this.#others.length > 0;
  }

  /** What the other threads have in flight there. */
  get othersInFlight(): number {
    let inFlight = 0;
    for (let i = 0; i < this.#others.length; i++) inFlight += this.#others[i]![WorkerCell.InFlight]!;
    return inFlight;
  }

  /** It was given one more, or one was taken from it. */
  setInFlight(inFlight: number): void {
    this.#cells[WorkerCell.InFlight] = inFlight;
  }

  /** It has finished one. */
  finished(inFlight: number): void {
    this.#cells[WorkerCell.InFlight] = inFlight;
    this.#cells[WorkerCell.Requests]!++;
  }

  /** As of its answer to a beat. */
  setLoop(delayMs: number, utilization: number): void {
    this.#cells[WorkerCell.LoopDelayMs] = delayMs;
    this.#cells[WorkerCell.Utilization] = utilization;
  }

  /** A beat was sent at that time of the thread's clock; 0 = it was answered. */
  setAskedAt(nowMs: number): void {
    this.#cells[WorkerCell.AskedAtMs] = nowMs === 0 ? 0 : sharedNowMs(nowMs);
  }

  setStalled(isStalled: boolean): void {
    this.#cells[WorkerCell.Stalled] = isStalled ? 1 : 0;
  }

  /** The link is gone: nothing is in flight on it, and nobody waits for an answer. */
  unlinked(): void {
    this.#cells[WorkerCell.InFlight] = 0;
    this.#cells[WorkerCell.AskedAtMs] = 0;
    this.#cells[WorkerCell.Stalled] = 0;
  }
}

/** A worker as all threads see it, as of one moment. */
export interface WorkerReading {
  readonly inFlight: number;
  readonly requests: number;
  /** Longest of late; while it is silent, for how long it has been. ms */
  readonly loopDelayMs: number;
  /** 0-1. While it is silent its loop is taken to be busy. */
  readonly utilization: number;
  readonly isStalled: boolean;
}

export function readWorker(block: SharedArrayBuffer, nowMs: number = sharedNowMs()): WorkerReading {
  let [inFlight, requests, loopDelayMs, utilization, isStalled] = [0, 0, 0, 0, false];
  for (const cells of sectionsOf(block, WORKER_CELLS)) {
    inFlight += cells[WorkerCell.InFlight]!;
    requests += cells[WorkerCell.Requests]!;
    const askedAtMs = cells[WorkerCell.AskedAtMs]!;
    const silentMs = askedAtMs === 0 ? 0 : Math.max(0, nowMs - askedAtMs);
    loopDelayMs = Math.max(loopDelayMs, cells[WorkerCell.LoopDelayMs]!, silentMs);
    utilization = Math.max(utilization, cells[WorkerCell.Utilization]!);
    isStalled ||= cells[WorkerCell.Stalled] === 1;
  }
  return { inFlight, requests, loopDelayMs, utilization: isStalled ? 1 : utilization, isStalled };
}
