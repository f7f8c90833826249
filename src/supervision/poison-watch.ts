import type { FromSupervisor, InFlightRequest } from '../channel/messages.ts';
import { targetFingerprint } from '../core/fingerprint.ts';

/** Workers that a request has to take with it before it is refused to a third. */
const DEATHS = 2;
/** So long a request stays suspected of one death without being seen to be harmless. */
const SUSPICION_MS = 600_000;
/** When more than these were there at two deaths, it is not a request that does it. */
const MAX_AT_ONCE = 4;
/** The oldest are forgotten beyond these: what is in flight at many deaths is as good as everything. */
const MAX_SUSPECTS = 1_000;
const MAX_QUARANTINE_MS = 3_600_000;

interface Suspect {
  readonly request: InFlightRequest;
  /** Incarnations that it was in the hands of when they died or hung. */
  readonly workers: Set<number>;
  /** Suspected until then; monotonic ms. */
  untilMs: number;
  /** Refused until then; 0 = it is not. */
  refusedUntilMs: number;
  /** Times that it was refused so far. */
  sentences: number;
}

export interface PoisonWatchHost {
  readonly pool: string;
  post(message: FromSupervisor): void;
  /** A request is refused from now on. */
  quarantined(request: InFlightRequest, scope: 'request' | 'target', workers: number, forMs: number): void;
  /** It is not any more. */
  released(request: InFlightRequest): void;
}

/**
 * Keeps a request that killed or hung two workers from a third. Two are the same when their header fields are, too: what a
 * cookie of one client does is not to keep everybody from the page. A target as a whole is poison when none of its requests
 * was there at all of its deaths. Whatever was in flight at a death is suspected; what is
 * answered meanwhile is acquitted, so that a busy path is not taken for poison because it was there when somebody killed
 * two workers. Refused is what was there at two deaths and was never answered between; at first for as long as the options say,
 * then for twice as long each time.
 */
export class PoisonWatch {
  readonly #host: PoisonWatchHost;
  readonly #now: () => number;
  /** By fingerprint, the oldest first. */
  readonly #suspects = new Map<string, Suspect>();
  #quarantineMs: number;
  #timer: NodeJS.Timeout | null = null;

  /** @param quarantineMs 0 = nothing is ever refused */
  constructor(quarantineMs: number, host: PoisonWatchHost, now: () => number = () => performance.now()) {
    this.#quarantineMs = quarantineMs;
    this.#host = host;
    this.#now = now;
  }

  configure(quarantineMs: number): void {
    this.#quarantineMs = quarantineMs;
    if (quarantineMs > 0 || this.#suspects.size === 0) return;
    this.#suspects.clear();
    this.#tell();
  }

  /** A worker has died, or hangs, with these in its hands. To be told once for each worker. */
  blame(incarnation: number, inFlight: readonly InFlightRequest[]): void {
    if (this.#quarantineMs === 0) return;
    const blamed = new Map(inFlight.flatMap((one) => (one.fingerprint === null ? [] : [[one.fingerprint, one]])));
    if (blamed.size === 0) return;
    for (const [fingerprint, request] of [...blamed]) {
      const target = targetFingerprint(fingerprint);
      blamed.set(target, { ...request, fingerprint: target });
    }
    const accused = [...blamed].map(([fingerprint, request]) => this.#accuse(fingerprint, request, incarnation));
    const guilty = accused.filter((one) => one.workers.size >= DEATHS && !this.#isExplained(one));
    const sentenced = guilty.length <= MAX_AT_ONCE ? guilty.filter((one) => one.refusedUntilMs === 0) : [];
    const terms = sentenced.map((suspect) => this.#sentence(suspect));
    // Once it is said that they are refused, they are.
    this.#tell();
    for (const [i, { request, workers }] of sentenced.entries()) {
      this.#host.quarantined(request, isTarget(request) ? 'target' : 'request', workers.size, terms[i]!);
    }
  }

  /** It was answered by a worker that lives. */
  acquitted(fingerprint: string): void {
    const suspect = this.#suspects.get(fingerprint);
    // What is refused is not answered: the answer was under way before.
    if (suspect === undefined || suspect.refusedUntilMs > 0) return;
    this.#suspects.delete(fingerprint);
    this.#tell();
  }

  /** What balancer threads have to know; null while nobody is suspected. */
  get message(): FromSupervisor | null {
    return this.#suspects.size === 0 ? null : this.#message();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Called by its own timer; public for tests, which have their own clock. */
  tick(): void {
    const now = this.#now();
    let changed = false;
    for (const [fingerprint, suspect] of this.#suspects) {
      if (suspect.refusedUntilMs > 0 && suspect.refusedUntilMs <= now) {
        // On probation: one death more, and it is refused again.
        suspect.refusedUntilMs = 0;
        this.#host.released(suspect.request);
        suspect.untilMs = now + SUSPICION_MS;
        changed = true;
      } else if (suspect.refusedUntilMs === 0 && suspect.untilMs <= now) {
        this.#suspects.delete(fingerprint);
        changed = true;
      }
    }
    if (changed) this.#tell();
  }

  #accuse(fingerprint: string, request: InFlightRequest, incarnation: number): Suspect {
    const suspect = this.#suspectOf(fingerprint, request);
    suspect.workers.add(incarnation);
    suspect.untilMs = this.#now() + SUSPICION_MS;
    return suspect;
  }

  /** Of a target: one of its requests was there whenever a worker died. */
  #isExplained({ request, workers }: Suspect): boolean {
    if (!isTarget(request)) return false;
    for (const [fingerprint, one] of this.#suspects) {
      if (isTarget(one.request) || targetFingerprint(fingerprint) !== request.fingerprint) continue;
      if ([...workers].every((worker) => one.workers.has(worker))) return true;
    }
    return false;
  }

  #suspectOf(fingerprint: string, request: InFlightRequest): Suspect {
    let suspect = this.#suspects.get(fingerprint);
    if (suspect === undefined) {
      suspect = { request, workers: new Set(), untilMs: 0, refusedUntilMs: 0, sentences: 0 };
      this.#suspects.set(fingerprint, suspect);
      const [oldest] = this.#suspects.keys();
      if (this.#suspects.size > MAX_SUSPECTS) this.#suspects.delete(oldest!);
    }
    return suspect;
  }

  /** @returns for how long. ms */
  #sentence(suspect: Suspect): number {
    const forMs = Math.min(MAX_QUARANTINE_MS, this.#quarantineMs * 2 ** suspect.sentences++);
    suspect.refusedUntilMs = this.#now() + forMs;
    return forMs;
  }

  #tell(): void {
    this.#host.post(this.#message());
    this.close();
    const next = Math.min(...[...this.#suspects.values()].map((one) => one.refusedUntilMs || one.untilMs));
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.tick(), Math.max(0, next - this.#now()) + 1);
    this.#timer.unref();
  }

  #message(): FromSupervisor {
    const entries = [...this.#suspects];
    const isRefused = ([, suspect]: [string, Suspect]): boolean => suspect.refusedUntilMs > 0;
    return {
      type: 'quarantine',
      pool: this.#host.pool,
      suspects: entries.filter((entry) => !isRefused(entry)).map(([fingerprint]) => fingerprint),
      refused: entries.filter(isRefused).map(([fingerprint]) => fingerprint),
    };
  }
}

function isTarget({ fingerprint }: InFlightRequest): boolean {
  return fingerprint === targetFingerprint(fingerprint!);
}
