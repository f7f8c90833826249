import type { HealthRules } from '../config/health.ts';
import type { Clock } from '../core/clock.ts';
import type { Probe } from '../health/health-check.ts';
import { Silence, SilenceAct } from '../health/silence.ts';
import type { Http1Transport } from '../transports/http1-transport.ts';
import type { UpstreamPool } from '../transports/upstream-pool.ts';

/**
 * What is asked where no health path is known: RFC 9110 section 9.3.7 calls it "only useful as a 'ping' or 'no-op' type of
 * method". Whatever is answered will do.
 */
const PING: Pick<HealthRules, 'method' | 'path' | 'host'> = { method: 'OPTIONS', path: '*', host: null };

/** What the owner of a server hears. */
export interface SilenceEvents {
  onStalled(silentMs: number): void;
  onRecovered(): void;
  /** Since requests wait at it: whether another can do its work and is well. */
  isElsewhereWell(sinceMs: number): boolean;
}

interface Watched {
  readonly transport: Http1Transport;
  readonly silence: Silence;
  readonly probe: Probe;
  readonly health: HealthRules | null;
  readonly events: SilenceEvents;
  readonly abort: AbortController;
}

/** Looks after servers that owe answers and say nothing: asks them, and has what can be saved run elsewhere. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #watched = new Map<Http1Transport, Watched>();

  /** @param shared sweeps its connections, and then has us look */
  constructor(shared: UpstreamPool, clock: Clock) {
    this.#clock = clock;
    shared.onSwept = (nowMs) => {
      for (const watched of this.#watched.values()) this.#look(watched, nowMs);
    };
  }

  /** @param health which path it is asked for; null or a TCP check: none is known */
  add(transport: Http1Transport, probe: Probe, health: HealthRules | null, events: SilenceEvents): void {
    const silence = new Silence();
    transport.silence = silence;
    this.#watched.set(transport, { transport, silence, probe, health, events, abort: new AbortController() });
  }

  remove(transport: Http1Transport): void {
    const watched = this.#watched.get(transport);
    this.#watched.delete(transport);
    transport.silence = null;
    watched?.abort.abort();
  }

  close(): void {
    for (const transport of [...this.#watched.keys()]) this.remove(transport);
  }

  #look(watched: Watched, nowMs: number): void {
    const { transport, silence, events } = watched;
    const { owesSinceMs, heardAtMs } = transport;
    this.#act(watched, silence.step(nowMs, owesSinceMs, heardAtMs, events.isElsewhereWell));
    if (silence.isStalled) transport.hedge(silence.moveAfterMs, nowMs);
  }

  #act(watched: Watched, act: SilenceAct): void {
    const { transport, silence, events } = watched;
    const { endpoint } = transport;
    switch (act) {
      case SilenceAct.Ask:
        if (!silence.isStalled) endpoint.holdUp();
        void this.#ask(watched);
        break;
      case SilenceAct.Stall:
        endpoint.setStalled(true);
        events.onStalled(silence.silentMs(this.#clock.nowMs));
        break;
      case SilenceAct.Recover:
        endpoint.setStalled(false);
        events.onRecovered();
    }
  }

  async #ask(watched: Watched): Promise<void> {
    const { transport, silence, probe, health, abort } = watched;
    const askedAtMs = performance.now();
    const timeoutMs = silence.questionLimitMs;
    const { status } = await probe(questionOf(health, timeoutMs), abort.signal);
    if (abort.signal.aborted) return;
    const nowMs = this.#clock.tick();
    const tookMs = performance.now() - askedAtMs;
    if (status === 0) {
      silence.questionFailed(tookMs >= timeoutMs, nowMs);
      if (!silence.isStalled) transport.endpoint.heard(nowMs);
      return;
    }
    transport.endpoint.heard(nowMs);
    this.#act(watched, silence.questionAnswered(tookMs, nowMs));
  }
}

function questionOf(health: HealthRules | null, timeoutMs: number): HealthRules {
  const asked = health === null || health.type === 'tcp' ? PING : health;
  return {
    type: 'http',
    method: asked.method,
    path: asked.path,
    host: asked.host,
    statuses: [[100, 599]],
    body: null,
    intervalMs: 0,
    timeoutMs,
    rise: 1,
    fall: 1,
  };
}
