import { sectionOf, sectionsOf, sharedBlock, THREAD_CELLS, ThreadCell } from './shared-memory.ts';

/** What one balancer thread counts that belongs to no pool. */
export class Counters {
  readonly #cells: Float64Array;

  constructor(block: SharedArrayBuffer = sharedBlock(1, THREAD_CELLS), thread: number = 0) {
    this.#cells = sectionOf(block, thread, THREAD_CELLS);
    this.#cells[ThreadCell.Clients] = 0;
  }

  /** Client connections open now. */
  get clients(): number {
    return this.#cells[ThreadCell.Clients]!;
  }

  connectionOpened(): void {
    this.#cells[ThreadCell.Clients]!++;
    this.#cells[ThreadCell.Connections]!++;
  }

  connectionClosed(): void {
    this.#cells[ThreadCell.Clients]!--;
  }

  /** A client was not let in. */
  connectionRefused(cause: 'total' | 'address'): void {
    this.#cells[cause === 'total' ? ThreadCell.RefusedTotal : ThreadCell.RefusedAddress]!++;
  }

  /** An idle connection was closed, so that another could be let in. */
  connectionClosedForRoom(): void {
    this.#cells[ThreadCell.ClosedForRoom]!++;
  }

  /** No connection is accepted for a moment. */
  acceptPaused(): void {
    this.#cells[ThreadCell.AcceptPauses]!++;
  }

  /** Lines of the access log were dropped, since they could not be written as fast as they came. */
  logDropped(lines: number): void {
    this.#cells[ThreadCell.LogDropped]! += lines;
  }
}

/** The sum over all threads. */
export interface ThreadsReading {
  readonly clients: number;
  readonly connections: number;
  readonly logDropped: number;
  readonly refusedTotal: number;
  readonly refusedAddress: number;
  readonly closedForRoom: number;
  readonly acceptPauses: number;
}

export function readThreads(block: SharedArrayBuffer): ThreadsReading {
  const sum = (cell: number): number =>
    sectionsOf(block, THREAD_CELLS).reduce((total, cells) => total + cells[cell]!, 0);
  return {
    clients: sum(ThreadCell.Clients),
    connections: sum(ThreadCell.Connections),
    logDropped: sum(ThreadCell.LogDropped),
    refusedTotal: sum(ThreadCell.RefusedTotal),
    refusedAddress: sum(ThreadCell.RefusedAddress),
    closedForRoom: sum(ThreadCell.ClosedForRoom),
    acceptPauses: sum(ThreadCell.AcceptPauses),
  };
}
