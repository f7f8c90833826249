/** Runs reloads one after another: while one runs a second waits, and a third is the second. */
export class ReloadQueue {
  readonly #run: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(run: () => Promise<void>) {
    this.#run = run;
  }

  get isBusy(): boolean {
    return this.#running !== null;
  }

  request(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#run().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.request();
      });
    return this.#next;
  }
}
