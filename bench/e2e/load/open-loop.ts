/**
 * Open-loop load: requests leave when their time has come, whether or not earlier ones were answered, so that a system
 * that makes them wait cannot slow the clock that it is measured by.
 */

import { KeptConnection } from './kept-connection.ts';

export interface Arrival {
  readonly dueMs: number;
  readonly path: string;
}

/** One request as it went. */
export interface Departure {
  readonly path: string;
  /** When it was really sent; timers of a millisecond make this up to as much later than it was due. */
  readonly sentAtMs: number;
  readonly latencyMs: number;
  readonly isOk: boolean;
}

/** Time for the last answers to come in. */
const TAIL_LIMIT_MS = 5_000;

/** Sends all arrivals, over as many connections as it takes; the one idle for longest goes first. */
export async function runOpenLoop(
  port: number,
  arrivals: readonly Arrival[],
  connections: number,
): Promise<Departure[]> {
  const idle = await Promise.all(Array.from({ length: connections }, () => KeptConnection.open(port)));
  const opened = [...idle];
  const requests = new Map(
    [...new Set(arrivals.map(({ path }) => path))].map((path) => [path, KeptConnection.get(path)]),
  );
  const departures: Departure[] = [];
  let isOver = false;

  const send = (connection: KeptConnection, path: string): void => {
    const sentAtMs = performance.now();
    connection.send(requests.get(path)!, (status) => {
      if (isOver) return;
      departures.push({ path, sentAtMs, latencyMs: performance.now() - sentAtMs, isOk: status === 200 });
      if (connection.isOpen) idle.push(connection);
    });
  };

  const startMs = performance.now();
  for (let next = 0; next < arrivals.length; ) {
    while (next < arrivals.length && startMs + arrivals[next]!.dueMs <= performance.now()) {
      const { path } = arrivals[next]!;
      next += 1;
      const connection = idle.shift();
      if (connection !== undefined) send(connection, path);
      else {
        KeptConnection.open(port).then(
          (extra) => {
            opened.push(extra);
            send(extra, path);
          },
          () =>
            departures.push({ path, sentAtMs: performance.now(), latencyMs: Number.POSITIVE_INFINITY, isOk: false }),
        );
      }
    }
    await sleep(1);
  }
  const deadlineMs = performance.now() + TAIL_LIMIT_MS;
  while (departures.length < arrivals.length && performance.now() < deadlineMs) await sleep(5);
  isOver = true;
  for (const connection of opened) connection.close();
  return departures;
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((done) => setTimeout(done, durationMs));
}
