import { OUTCOMES } from '../core/outcome.ts';
import { BUCKETS } from './histogram.ts';

/**
 * Where the numbers of the balancer threads lie in shared memory, so that the supervisor reads them without asking, also
 * while a thread is busy or stuck. There is one block for each pool, one for each worker and one for the threads; in each
 * every thread has a section of its own and is its only writer.
 *
 * All cells are doubles with plain loads and stores: aligned doubles are not torn on the 64-bit machines that Node runs
 * on, nothing depends on the order of two cells, and a store costs 1 ns where an atomic one needs a BigInt.
 */

/** Room for outcomes, so that a new one does not move what follows. */
const MAX_OUTCOMES = 64;

/** Methods that are counted by name; all others are one. */
export const COUNTED_METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'OTHER',
];

/** Row 0: no status was sent. Rows 1-500: statuses 100-599. */
export const STATUS_ROWS = 501;

/** Where a pool's section holds its outcomes, the buckets of two histograms, and the responses by status and method. */
const OUTCOMES_AT = 16;
const DURATIONS_AT: number = OUTCOMES_AT + MAX_OUTCOMES;
const QUEUES_AT: number = DURATIONS_AT + BUCKETS;
const RESPONSES_AT: number = QUEUES_AT + BUCKETS;

/** Cells of a pool's section. */
export const PoolCell: Readonly<Record<PoolCellName, number>> = {
  Requests: 0,
  Active: 1,
  Queued: 2,
  Retried: 3,
  Moved: 4,
  Shed: 5,
  BytesIn: 6,
  BytesOut: 7,
  DurationMs: 8,
  QueuedMs: 9,
  Outcomes: OUTCOMES_AT,
  Durations: DURATIONS_AT,
  Queues: QUEUES_AT,
  Responses: RESPONSES_AT,
};
type PoolCellName =
  /** Admitted so far. */
  | 'Requests'
  /** Admitted and not finished. */
  | 'Active'
  | 'Queued'
  | 'Retried'
  | 'Moved'
  | 'Shed'
  | 'BytesIn'
  | 'BytesOut'
  | 'DurationMs'
  | 'QueuedMs'
  /** By number of the outcome. */
  | 'Outcomes'
  /** By bucket, as the next one. */
  | 'Durations'
  | 'Queues'
  /** By status row, then method. */
  | 'Responses';
export const POOL_CELLS: number = PoolCell.Responses + STATUS_ROWS * COUNTED_METHODS.length;

/** Cells of a worker's section. */
export const WorkerCell = {
  InFlight: 0,
  /** Finished so far. */
  Requests: 1,
  /** Longest delay of its event loop between two beats. ms */
  LoopDelayMs: 2,
  /** Share of time in which its event loop was busy, 0-1. */
  Utilization: 3,
  /** When the beat was sent that it has not answered, in ms since the epoch; 0 = it has answered. */
  AskedAtMs: 4,
  /** 1 = it misses beats. */
  Stalled: 5,
} as const;
export const WORKER_CELLS = 8;

/** Cells of a thread's own section. */
export const ThreadCell = {
  /** Client connections open now. */
  Clients: 0,
  /** Accepted so far. */
  Connections: 1,
  /** Lines that the access log could not take. */
  LogDropped: 2,
  /** Refused so far: for the limit in total, and for that of an address. */
  RefusedTotal: 3,
  RefusedAddress: 4,
  /** Closed while idle, so that another could be let in. */
  ClosedForRoom: 5,
  /** Times that accepting was paused for want of room. */
  AcceptPauses: 6,
} as const;
export const THREAD_CELLS = 8;

/** Cells of one side of a trial: those of before, or the newcomer that is tried out. */
export const TrialCell: Readonly<Record<TrialCellName, number>> = {
  Requests: 0,
  Failures: 1,
  Latencies: 2,
  Waiting: 2 + BUCKETS,
};
type TrialCellName =
  /** Finished. */
  | 'Requests'
  /** Of them, answered with 500 or more, or not at all by the worker's fault. */
  | 'Failures'
  /** Time to the head of the response, by bucket. */
  | 'Latencies'
  /** Ages of those that wait for one, by bucket; written anew with every beat. */
  | 'Waiting';
export const TRIAL_CELLS: number = TrialCell.Waiting + BUCKETS;

/** A block with a section for each thread. */
export function sharedBlock(threads: number, cells: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * cells * Float64Array.BYTES_PER_ELEMENT);
}

/** One thread's section. */
export function sectionOf(block: SharedArrayBuffer, thread: number, cells: number): Float64Array {
  return new Float64Array(block, thread * cells * Float64Array.BYTES_PER_ELEMENT, cells);
}

/** All sections of a block. */
export function sectionsOf(block: SharedArrayBuffer, cells: number): Float64Array[] {
  const threads = block.byteLength / (cells * Float64Array.BYTES_PER_ELEMENT);
  return Array.from({ length: threads }, (_, thread) => sectionOf(block, thread, cells));
}

/** Time that threads can compare: each has a `performance.now()` of its own beginning. ms since the epoch. */
export function sharedNowMs(nowMs: number = performance.now()): number {
  return performance.timeOrigin + nowMs;
}

if (OUTCOMES.length > MAX_OUTCOMES) throw new Error('more outcomes than the shared memory has room for');
