/**
 * Runs reloads one after another: while one runs a second waits, and a third is the second.
 *
 * @typeParam Q how one is to go about it
 * @typeParam R what comes of it
 */
export class ReloadQueue<Q, R> {
  readonly #run: (request: Q) => Promise<R>;
  readonly #merge: (waiting: Q, later: Q) => Q;
  #running: Promise<R> | null = null;
  #next: { request: Q; readonly done: Promise<R> } | null = null;

  /** @param merge what the one that waits is to do when a third is asked for */
  constructor(run: (request: Q) => Promise<R>, merge: (waiting: Q, later: Q) => Q) {
    this.#run = run;
    this.#merge = merge;
  }

  get isBusy(): boolean {
    return this.#running !== null;
  }

  request(request: Q): Promise<R> {
    if (this.#running === null) {
      this.#running = this.#run(request).finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    if (this.#next !== null) {
      this.#next.request = this.#merge(this.#next.request, request);
      return this.#next.done;
    }
    const done = this.#running
      .catch(() => {})
      .then(() => {
        const next = this.#next!;
        this.#next = null;
        return this.request(next.request);
      });
    this.#next = { request, done };
    return done;
  }
}
