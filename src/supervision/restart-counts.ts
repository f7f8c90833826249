import type { SupervisorEvent, WorkerFacts } from './events.ts';

/** Why a worker was started in the place of another. */
export const RESTART_CAUSES = ['crash', 'hung', 'boot-failed', 'memory', 'reload', 'asked'] as const;
export type RestartCause = (typeof RESTART_CAUSES)[number];

/** Counts restarts by cause, from what the supervisor tells. */
export class RestartCounts {
  readonly #counts = new Map<string, number>();
  /** Why these processes go, before they are gone. */
  readonly #marks = new Map<number, RestartCause>();
  /** The processes that are up, or stand by, by place: two while one takes the other's. */
  readonly #up = new Map<string, Set<number>>();
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
      case 'worker-ready':
      case 'worker-standing-by':
        this.#came(event);
        return;
      case 'worker-died':
        this.#count(event.app, this.#gone(event) ?? 'crash');
        return;
      case 'worker-boot-failed':
        this.#count(event.app, 'boot-failed');
        return;
      case 'worker-retired': {
        const cause = this.#gone(event);
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

  /** A reload is counted when the new one is there: the old one may take longer to end than the reload lasts. */
  #came({ app, slot, pid }: WorkerFacts): void {
    const place = placeOf(app, slot);
    const up = this.#up.get(place) ?? new Set<number>();
    this.#up.set(place, up);
    if (up.has(pid)) return;
    if (this.#isReloading && [...up].some((old) => !this.#marks.has(old))) this.#count(app, 'reload');
    up.add(pid);
  }

  /** Why it goes, where that was said. */
  #gone({ app, slot, pid }: WorkerFacts): RestartCause | null {
    const place = placeOf(app, slot);
    const up = this.#up.get(place);
    up?.delete(pid);
    if (up?.size === 0) this.#up.delete(place);
    const cause = this.#marks.get(pid) ?? null;
    this.#marks.delete(pid);
    return cause;
  }

  #count(app: string, cause: RestartCause): void {
    const key = `${app}\n${cause}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}

function placeOf(app: string, slot: number): string {
  return `${app}\n${slot}`;
}
