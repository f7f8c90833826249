import { setTimeout as sleep } from 'node:timers/promises';
import type { FromBalancer, FromSupervisor, InFlightRequest } from '../channel/messages.ts';

/** A balancer thread answers within 300 ms, if it is well. */
const ANSWER_LIMIT_MS = 500;

type Answer = Extract<FromBalancer, { type: 'worker-described' }>;

/** What the balancer threads together know of a worker at this moment. */
export interface WorkerDescription {
  /** How long its event loop took to answer; null = it did not. ms */
  readonly answeredInMs: number | null;
  /** Share of late in which its event loop was busy, 0-1; null where it did not answer. */
  readonly loopUtilization: number | null;
  readonly inFlight: readonly InFlightRequest[];
}

interface Question {
  readonly answers: Answer[];
  readonly onAnswer: () => void;
}

/** Asks all balancer threads about a worker. */
export class WorkerQuestions {
  readonly #threads: number;
  readonly #post: (message: FromSupervisor) => void;
  readonly #open = new Map<number, Question>();
  #nextQuestion = 1;

  constructor(threads: number, post: (message: FromSupervisor) => void) {
    this.#threads = threads;
    this.#post = post;
  }

  /** Resolves when every thread has answered; what did not within half a second is left out. */
  async describe(worker: number): Promise<WorkerDescription> {
    const question = this.#nextQuestion++;
    const answers: Answer[] = [];
    const all = new Promise<void>((resolve) => {
      const onAnswer = (): void => {
        if (answers.length === this.#threads) resolve();
      };
      this.#open.set(question, { answers, onAnswer });
    });
    this.#post({ type: 'describe-worker', worker, question });
    await Promise.race([all, sleep(ANSWER_LIMIT_MS)]);
    this.#open.delete(question);
    const times = answers.flatMap(({ answeredInMs }) => (answeredInMs === null ? [] : [answeredInMs]));
    const answered = times.length > 0;
    return {
      answeredInMs: answered ? Math.min(...times) : null,
      loopUtilization: answered ? Math.max(...answers.map(({ loopUtilization }) => loopUtilization)) : null,
      inFlight: answers.flatMap(({ inFlight }) => inFlight),
    };
  }

  answered(answer: Answer): void {
    const question = this.#open.get(answer.question);
    question?.answers.push(answer);
    question?.onAnswer();
  }
}
