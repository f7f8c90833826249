import type { HealthRules } from '../config/health.ts';
import type { Rng } from '../core/rng.ts';

/** So much of a body is looked at. */
export const MAX_BODY_BYTES: number = 64 * 1024;

/** Checks come up to this part of the interval early, so that those of many balancers and servers spread out. */
const JITTER = 0.2;

/** What came of a check. */
export interface ProbeResult {
  readonly isOk: boolean;
  /** What is wrong with the answer; empty for a good one. */
  readonly reason: string;
  /** 0 = there was none. */
  readonly status: number;
}

/** Asks a server once. Never rejects; an abort ends it early. */
export type Probe = (rules: HealthRules, signal: AbortSignal) => Promise<ProbeResult>;

/** null = a good answer, else what is wrong with it. */
export function faultOf(rules: HealthRules, status: number, body: string): string | null {
  if (!rules.statuses.some(([first, last]) => status >= first && status <= last)) return `status ${status}`;
  if (rules.body !== null && !body.includes(rules.body)) return 'not the body that is expected';
  return null;
}

/**
 * The verdict on one server by its last answers. The first answer there is counts at once; after that it takes `fall` bad
 * ones in a row, or `rise` good ones, to change it.
 */
export class HealthVerdict {
  readonly #rise: number;
  readonly #fall: number;
  #isHealthy = true;
  #isKnown = false;
  /** Answers in a row that speak against the verdict. */
  #against = 0;

  constructor({ rise, fall }: Pick<HealthRules, 'rise' | 'fall'>) {
    this.#rise = rise;
    this.#fall = fall;
  }

  /** Whether there has been an answer. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** @returns whether the verdict has changed */
  observe(isOk: boolean): boolean {
    if (isOk === this.#isHealthy) {
      this.#isKnown = true;
      this.#against = 0;
      return false;
    }
    this.#against++;
    if (this.#isKnown && this.#against < (isOk ? this.#rise : this.#fall)) return false;
    this.#isKnown = true;
    this.#against = 0;
    this.#isHealthy = isOk;
    return true;
  }
}

/** Checks one server again and again, beside all requests, so that a busy one is not taken for a dead one. */
export class HealthCheck {
  readonly #rules: HealthRules;
  readonly #probe: Probe;
  readonly #rng: Rng;
  readonly #verdict: HealthVerdict;
  readonly #onVerdict: (isHealthy: boolean, reason: string) => void;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | null = null;

  /** @param onVerdict hears of the first verdict and of every change; `reason` is empty for a good one */
  constructor(rules: HealthRules, probe: Probe, rng: Rng, onVerdict: (isHealthy: boolean, reason: string) => void) {
    this.#rules = rules;
    this.#probe = probe;
    this.#rng = rng;
    this.#verdict = new HealthVerdict(rules);
    this.#onVerdict = onVerdict;
    void this.#run();
  }

  close(): void {
    this.#abort.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    const startedAtMs = performance.now();
    const result = await this.#probe(this.#rules, this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    const isFirst = !this.#verdict.isKnown;
    if (this.#verdict.observe(result.isOk) || isFirst) this.#onVerdict(result.isOk, result.reason);
    const { intervalMs } = this.#rules;
    const pauseMs = intervalMs - this.#rng.below(Math.max(1, Math.round(intervalMs * JITTER)));
    const tookMs = performance.now() - startedAtMs;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, pauseMs - tookMs));
    this.#timer.unref();
  }
}
