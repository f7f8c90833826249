import type { SupervisorEvent } from './events.ts';

/** Why a worker was started in the place of another. */
export const RESTART_CAUSES = ['crash', 'hung', 'boot-failed', 'memory', 'reload', 'asked'] as const;
export type RestartCause = (typeof RESTART_CAUSES)[number];

/** Counts restarts by cause, from what the supervisor tells. */
export class RestartCounts {
  readonly #counts = new Map<string, number>();
  /** Why these processes go, before they are gone. */
  readonly #marks = new Map<number, RestartCause>();
  #isReloading = false;

  see(event: SupervisorEvent): void {
    switch (event.type) {
      case 'reload-started':
        this.#isReloading = true;
        return;
      case 'reload-done':
      case 'reload-failed':
        this.#isReloading = false;
        return;
      case 'worker-too-large':
        this.#marks.set(event.pid, 'memory');
        return;
      case 'worker-restarting':
        this.#marks.set(event.pid, 'asked');
        return;
      case 'worker-hung':
        if (!event.isLeftAlone) this.#marks.set(event.pid, 'hung');
        return;
      case 'worker-died':
        this.#count(event.app, this.#take(event.pid) ?? 'crash');
        return;
      case 'worker-boot-failed':
        this.#count(event.app, 'boot-failed');
        return;
      case 'worker-retired': {
        const cause = this.#take(event.pid) ?? (this.#isReloading ? 'reload' : null);
        if (cause !== null) this.#count(event.app, cause);
        return;
      }
    }
  }

  /** Every cause of each of these apps, also those that have not been. */
  read(apps: readonly string[]): { readonly app: string; readonly cause: RestartCause; readonly count: number }[] {
    return apps.flatMap((app) =>
      RESTART_CAUSES.map((cause) => ({ app, cause, count: this.#counts.get(`${app}\n${cause}`) ?? 0 })),
    );
  }

  #take(pid: number): RestartCause | null {
    const cause = this.#marks.get(pid) ?? null;
    this.#marks.delete(pid);
    return cause;
  }

  #count(app: string, cause: RestartCause): void {
    const key = `${app}\n${cause}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}
