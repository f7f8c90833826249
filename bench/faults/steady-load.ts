import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How one request went. */
export interface Attempt {
  readonly method: 'GET' | 'POST';
  /** Since the load began. */
  readonly sentAtMs: number;
  readonly tookMs: number;
  /** The server's name; null where it failed. */
  readonly server: string | null;
}

/** Whoever has waited so long goes away. */
const PATIENCE_MS = 10_000;
/** Every so many requests one is a POST. */
const POST_EVERY = 4;

/**
 * Requests at a steady rate, whatever becomes of them (an open loop): a balancer that is held up gets more to do, not less.
 * `act` is called when `atMs` have passed.
 */
export async function steadyLoad(
  url: string,
  { rate, durationMs, atMs, act }: { rate: number; durationMs: number; atMs: number; act: () => void },
): Promise<Attempt[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });
  const pending: Promise<Attempt>[] = [];
  const startMs = performance.now();
  const total = Math.round((rate * durationMs) / 1000);
  let hasActed = false;
  while (pending.length < total) {
    const nowMs = performance.now() - startMs;
    if (!hasActed && nowMs >= atMs) {
      hasActed = true;
      act();
    }
    const due = Math.min(total, Math.floor((nowMs * rate) / 1000) + 1);
    while (pending.length < due) {
      const method = pending.length % POST_EVERY === 0 ? 'POST' : 'GET';
      pending.push(attempt(url, method, agent, startMs));
    }
    await sleep(1);
  }
  const attempts = await Promise.all(pending);
  agent.destroy();
  return attempts;
}

function attempt(url: string, method: 'GET' | 'POST', agent: http.Agent, startMs: number): Promise<Attempt> {
  const sentMs = performance.now();
  return new Promise((resolve) => {
    const over = (server: string | null): void => {
      resolve({ method, sentAtMs: sentMs - startMs, tookMs: performance.now() - sentMs, server });
    };
    const request = http.request(url, { method, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => over(response.statusCode === 200 && response.complete ? text : null));
      response.on('error', () => over(null));
    });
    request.setTimeout(PATIENCE_MS, () => request.destroy());
    request.on('error', () => over(null));
    request.end(method === 'POST' ? 'x' : undefined);
  });
}
