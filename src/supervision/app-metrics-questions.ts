/** How long a scrape waits for workers to tell what their app has counted. Prometheus gives up after 10 s by default. */
const ANSWER_LIMIT_MS = 1_000;

interface Open {
  readonly answers: Map<number, string>;
  readonly expected: number;
  readonly done: () => void;
}

/** Asks workers for their app's own metrics, and waits for the answers. */
export class AppMetricsQuestions {
  readonly #ask: (question: number, workers: readonly number[]) => void;
  readonly #open = new Map<number, Open>();
  #last = 0;

  /** @param ask sends the question to these incarnations */
  constructor(ask: (question: number, workers: readonly number[]) => void) {
    this.#ask = ask;
  }

  /** @returns by incarnation, of those that have answered in time: JSON, or nothing where the app has no metrics */
  async ask(workers: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const answers = new Map<number, string>();
    if (workers.length === 0) return answers;
    this.#last = (this.#last + 1) >>> 0;
    const question = this.#last;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ANSWER_LIMIT_MS);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#open.set(question, { answers, expected: workers.length, done });
      this.#ask(question, workers);
    });
    this.#open.delete(question);
    return answers;
  }

  answered(question: number, worker: number, json: string): void {
    const open = this.#open.get(question);
    if (open === undefined) return;
    open.answers.set(worker, json);
    if (open.answers.size === open.expected) open.done();
  }
}
