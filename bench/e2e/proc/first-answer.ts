/** Waits until something answers on a port. */

import { connect } from 'node:net';
import type { LaunchedProcess } from './launched-process.ts';

const START_LIMIT_MS = 20_000;
/** Short against the start that it measures, long enough not to slow it down. */
const RETRY_MS = 2;

/** A system that did not come up; the message carries its last output. */
export class StartFailure extends Error {
  constructor(launched: LaunchedProcess, why: string) {
    const output = launched.output.trim().split('\n').slice(-12).join('\n');
    super(`${launched.name} ${why}${output === '' ? ', and printed nothing' : `; its last output:\n${output}`}`);
  }
}

/** Milliseconds from the launch to the first 200 on `GET /`. Fails when the process ends first or the limit passes. */
export async function waitForAnswer(port: number, launched: LaunchedProcess): Promise<number> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadlineMs) {
    if (launched.hasExited) throw new StartFailure(launched, 'ended instead of answering');
    if (await isAnswering(port, deadlineMs)) return performance.now() - launched.launchedAtMs;
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
  throw new StartFailure(launched, `did not answer within ${START_LIMIT_MS / 1000} s`);
}

function isAnswering(port: number, deadlineMs: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    const end = (isAnswered: boolean): void => {
      socket.destroy();
      done(isAnswered);
    };
    socket.setTimeout(Math.max(1, deadlineMs - performance.now()), () => end(false));
    socket.once('connect', () => socket.write('GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n'));
    socket.once('data', (bytes) => end(bytes.toString('latin1').startsWith('HTTP/1.1 200')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
