/** Lets something wait until what others change has come to be so. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** To be called after every change that somebody may wait for. */
  happened(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves when the condition holds, or after the limit. @param limitMs null = none */
  until(condition: () => boolean, limitMs: number | null = null): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(look);
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
      const look = (): void => {
        if (condition()) done();
      };
      const timer = limitMs === null ? null : setTimeout(done, limitMs);
      this.#waiting.add(look);
      look();
    });
  }
}
