import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from './cleanup.ts';

/** At most. More would idle long enough to be closed, just when they are to be used again. */
const CONNECTIONS = 32;

/**
 * GETs at a steady rate until the test is over, over kept connections used by turns.
 *
 * @param answers counts by what was answered and its status, `good 200`; by the error's text where there was none
 */
export function steadyLoad(test: Cleanup, url: string, ratePerSecond: number, answers: Map<string, number>): void {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS, scheduling: 'fifo' });
  let isOver = false;
  test.after(() => {
    isOver = true;
    agent.destroy();
  });
  const count = (key: string): void => void answers.set(key, (answers.get(key) ?? 0) + 1);
  const one = (): void => {
    const outgoing = http.get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => count(`${body} ${response.statusCode}`));
      response.on('error', (error) => isOver || count(`cut short: ${error.message}`));
    });
    outgoing.on('error', (error) => isOver || count(String(error)));
  };
  const startedAtMs = performance.now();
  let sent = 0;
  void (async () => {
    while (!isOver) {
      const due = ((performance.now() - startedAtMs) * ratePerSecond) / 1000;
      // A machine that was busy elsewhere is not to be flooded with what is overdue.
      if (due - sent > ratePerSecond) sent = due - ratePerSecond;
      for (; sent < due; sent++) one();
      await sleep(5);
    }
  })();
}
