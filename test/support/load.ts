import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a request went: its status, or the code of the error that the client met. */
export interface Attempt {
  readonly id: number;
  readonly outcome: string;
  /** When it was sent; monotonic ms. */
  readonly sentAtMs: number;
  readonly tookMs: number;
}

export interface LoadSettings {
  readonly method: string;
  /** Requests a second, whatever becomes of them. */
  readonly rate: number;
  /** Of {@link Load.run}. */
  readonly durationMs?: number;
  /** Keep-alive connections at most. */
  readonly connections: number;
  readonly body?: string;
}

/** Requests at a steady rate, as they come from many clients that know nothing of each other. */
export class Load {
  readonly attempts: Attempt[] = [];
  readonly #urlOf: (id: number) => string;
  readonly #settings: LoadSettings;

  /** @param urlOf the URL of the request of that number, from 0 */
  constructor(urlOf: (id: number) => string, settings: LoadSettings) {
    this.#urlOf = urlOf;
    this.#settings = settings;
  }

  /** Resolves when every request has had its end. */
  run(): Promise<void> {
    const { rate, durationMs = 0 } = this.#settings;
    return this.#send(Math.round((rate * durationMs) / 1000), () => false);
  }

  /** The same, for as long as something else takes. */
  async during(act: () => Promise<void>): Promise<void> {
    let isOver = false;
    const acting = act().finally(() => {
      isOver = true;
    });
    await Promise.all([acting, this.#send(Number.POSITIVE_INFINITY, () => isOver)]);
  }

  async #send(total: number, isOver: () => boolean): Promise<void> {
    const { rate, connections } = this.#settings;
    const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    const pending: Promise<void>[] = [];
    const startMs = performance.now();
    while (pending.length < total && !isOver()) {
      const due = Math.min(total, Math.floor(((performance.now() - startMs) * rate) / 1000) + 1);
      while (pending.length < due) pending.push(this.#attempt(pending.length, agent));
      await sleep(2);
    }
    await Promise.all(pending);
    agent.destroy();
  }

  /** How many attempts ended how. */
  get outcomes(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { outcome } of this.attempts) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return counts;
  }

  /** The slowest. ms */
  get slowestMs(): number {
    return Math.max(...this.attempts.map(({ tookMs }) => tookMs));
  }

  /** How long those took that ended with this, in order. ms */
  times(outcome: string): number[] {
    const ended = this.attempts.filter((attempt) => attempt.outcome === outcome);
    return ended.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  }

  /** How many did not end with this. */
  failed(outcome: string = '200'): number {
    return this.attempts.filter((attempt) => attempt.outcome !== outcome).length;
  }

  /** So many of a hundred took no longer. ms; 0 of none. @param between sent within these, monotonic ms */
  percentileMs(percent: number, between: readonly [number, number] = [0, Number.POSITIVE_INFINITY]): number {
    const sent = this.attempts.filter(({ sentAtMs }) => sentAtMs >= between[0] && sentAtMs <= between[1]);
    const times = sent.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    return times[Math.max(0, Math.ceil((times.length * percent) / 100) - 1)] ?? 0;
  }

  #attempt(id: number, agent: http.Agent): Promise<void> {
    const { method, body } = this.#settings;
    const startMs = performance.now();
    return new Promise((resolve) => {
      const over = (outcome: string): void => {
        this.attempts.push({ id, outcome, sentAtMs: startMs, tookMs: performance.now() - startMs });
        resolve();
      };
      const request = http.request(this.#urlOf(id), { method, agent }, (response) => {
        response.resume();
        response.on('error', (error: NodeJS.ErrnoException) => over(error.code ?? error.message));
        response.on('end', () => over(String(response.statusCode)));
      });
      request.on('error', (error: NodeJS.ErrnoException) => over(error.code ?? error.message));
      request.end(body);
    });
  }
}
