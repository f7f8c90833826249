import { setTimeout as sleep } from 'node:timers/promises';
import type { FromSupervisor } from '../channel/messages.ts';
import type { AppOptions } from '../config/options.ts';
import type { WorkerProcess } from './worker-process.ts';
import { WorkerState } from './worker-state.ts';

/** Between two questions to a worker that is not well yet. */
const CHECK_AGAIN_MS = 250;
/** A check that a balancer thread has not answered by then is asked again. It answers after 5 s at the latest. */
const ANSWER_LIMIT_MS = 6_000;

/** Whether anything is asked of a new worker beside listening. */
export function isHeldAtFirst({ ready, healthPath }: AppOptions): boolean {
  return ready === 'message' || healthPath !== null;
}

/** Puts the questions that a new worker has to answer before it gets requests. */
export class Readiness {
  readonly #post: (message: FromSupervisor) => void;
  readonly #open = new Map<number, (status: number) => void>();
  #lastCheck = 0;

  constructor(post: (message: FromSupervisor) => void) {
    this.#post = post;
  }

  /** Resolves when it has passed, or has come to an end: false. Its boot time-out bounds the wait. */
  async passed(worker: WorkerProcess, { ready, healthPath }: AppOptions): Promise<boolean> {
    const isStarting = (): boolean => worker.state === WorkerState.Starting;
    if (ready === 'message') await worker.saidReady;
    while (healthPath !== null && isStarting()) {
      const status = await this.#check(worker.incarnation, healthPath);
      // One that is stopped answers nothing any more: what it said before tells more.
      if ((status >= 200 && status < 400) || !isStarting()) break;
      worker.healthStatus = status;
      await sleep(CHECK_AGAIN_MS);
    }
    return isStarting();
  }

  /** What a balancer thread has told; of several the first counts. */
  checked(check: number, status: number): void {
    this.#open.get(check)?.(status);
    this.#open.delete(check);
  }

  async #check(worker: number, path: string): Promise<number> {
    const check = ++this.#lastCheck;
    const answer = new Promise<number>((resolve) => this.#open.set(check, resolve));
    this.#post({ type: 'check-worker', worker, check, path });
    // Nobody's process has to stay for the rest of it once there is an answer; until then the worker keeps ours.
    const status = await Promise.race([answer, sleep(ANSWER_LIMIT_MS, 0, { ref: false })]);
    this.#open.delete(check);
    return status;
  }
}
