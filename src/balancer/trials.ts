import type { TrialSettings } from '../channel/messages.ts';
import type { Rng } from '../core/rng.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Transport } from '../exchange/transport.ts';
import { Trial } from '../exchange/trial.ts';
import { TrialMeter } from '../observability/trial-meter.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Place } from './ports.ts';

/** Above the others, so that policies leave it alone while any of those can be had. */
const TRIAL_TIER = 1;

export interface TrialsHost {
  readonly thread: number;
  readonly rng: Rng;
  places(): Iterable<Place>;
  endpointOf(worker: number): Endpoint<Transport> | null;
  exchangesOf(worker: number): readonly Exchange[];
}

/** Newcomers that are tried out, one a pool at most. */
export class Trials {
  readonly #host: TrialsHost;
  readonly #trials = new Map<string, Trial>();

  constructor(host: TrialsHost) {
    this.#host = host;
  }

  set(pool: string, settings: TrialSettings | null, nowMs: number): void {
    const before = this.#trials.get(pool)?.newcomer ?? null;
    if (settings === null) {
      this.#trials.delete(pool);
      // One that has got nothing to do any more is not made fit for it.
      before?.setTier(0);
    } else {
      this.#trials.set(pool, this.#trialOf(settings, nowMs));
      const endpoint = this.#host.endpointOf(settings.worker);
      if (endpoint !== null) this.joining(settings.worker, endpoint);
    }
    this.#deal();
  }

  /** A worker is there, and about to join its pool. */
  joining(worker: number, endpoint: Endpoint<Transport>): void {
    for (const trial of this.#trials.values()) {
      if (trial.terms.newcomer !== worker) continue;
      trial.newcomer = endpoint;
      endpoint.setTier(TRIAL_TIER);
    }
  }

  /** To be called now and then. */
  step(nowMs: number): void {
    if (this.#trials.size === 0) return;
    // A port may have been opened in the meantime.
    this.#deal();
    for (const trial of this.#trials.values()) trial.step((worker) => this.#host.exchangesOf(worker), nowMs);
  }

  #deal(): void {
    for (const { settings, dispatcher } of this.#host.places()) {
      dispatcher.trial = this.#trials.get(settings.name) ?? null;
    }
  }

  #trialOf(settings: TrialSettings, nowMs: number): Trial {
    const { worker, others, share, isCounting, warmUpMs, newcomerMeter, othersMeter } = settings;
    const { thread, rng } = this.#host;
    return new Trial(
      {
        ...{ newcomer: worker, others: new Set(others), share },
        ...{ countsFromMs: isCounting ? nowMs : null, timesFromMs: nowMs + warmUpMs },
      },
      new TrialMeter(newcomerMeter, thread),
      new TrialMeter(othersMeter, thread),
      rng,
    );
  }
}
