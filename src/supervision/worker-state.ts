/**
 * The life of one worker process as a total table: for every state and every event, what follows. "Ignored" is written
 * out too, so that nothing is left to chance.
 *
 *              | Admitted        | Drain            | Drained           | Stop              | Kill           | Exit
 *    Starting  | Ready: announce | Draining: drain  | ignored           | Stopping: SIGTERM | Stopping: KILL | Exited
 *    Ready     | ignored         | Draining: drain  | ignored           | Stopping: SIGTERM | Stopping: KILL | Exited
 *    Draining  | ignored         | ignored          | Stopping: SIGTERM | Stopping: SIGTERM | Stopping: KILL | Exited
 *    Stopping  | ignored         | ignored          | ignored           | ignored           | Stopping: KILL | Exited
 *    Exited    | ignored         | ignored          | ignored           | ignored           | ignored        | ignored
 */

export const WorkerState = { Starting: 0, Ready: 1, Draining: 2, Stopping: 3, Exited: 4 } as const;
export type WorkerState = (typeof WorkerState)[keyof typeof WorkerState];

export const WorkerEvent = {
  /** Every balancer thread has its first listener, and it has passed what else was asked of it. */
  Admitted: 0,
  /** It is to finish what it has and go. */
  Drain: 1,
  /** Nothing is in flight any more. */
  Drained: 2,
  /** It is to end now, by its own means. */
  Stop: 3,
  /** It is to be ended. */
  Kill: 4,
  /** The process has ended. */
  Exit: 5,
} as const;
export type WorkerEvent = (typeof WorkerEvent)[keyof typeof WorkerEvent];

export type WorkerAct = 'none' | 'announce' | 'drain' | 'terminate' | 'kill' | 'bury';

export interface WorkerStep {
  readonly next: WorkerState;
  readonly act: WorkerAct;
}

const { Starting, Ready, Draining, Stopping, Exited } = WorkerState;

/** By state, then by event, in the order of their numbers. */
const TABLE: readonly (readonly WorkerStep[])[] = [
  [
    to(Ready, 'announce'),
    to(Draining, 'drain'),
    stay(Starting),
    to(Stopping, 'terminate'),
    to(Stopping, 'kill'),
    to(Exited, 'bury'),
  ],
  [
    stay(Ready),
    to(Draining, 'drain'),
    stay(Ready),
    to(Stopping, 'terminate'),
    to(Stopping, 'kill'),
    to(Exited, 'bury'),
  ],
  [
    stay(Draining),
    stay(Draining),
    to(Stopping, 'terminate'),
    to(Stopping, 'terminate'),
    to(Stopping, 'kill'),
    to(Exited, 'bury'),
  ],
  [stay(Stopping), stay(Stopping), stay(Stopping), stay(Stopping), to(Stopping, 'kill'), to(Exited, 'bury')],
  [stay(Exited), stay(Exited), stay(Exited), stay(Exited), stay(Exited), stay(Exited)],
];

export function stepOf(state: WorkerState, event: WorkerEvent): WorkerStep {
  return TABLE[state]![event]!;
}

function to(next: WorkerState, act: WorkerAct): WorkerStep {
  return { next, act };
}

function stay(next: WorkerState): WorkerStep {
  return { next, act: 'none' };
}
