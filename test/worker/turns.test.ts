import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameType } from '../../src/link/frames.ts';
import type { Frame } from '../link/recorded-frames.ts';
import { until } from '../support/until.ts';
import { LinkedWorker } from './linked-worker.ts';

const STREAMS = [5, 6, 7, 8, 9, 10, 11, 12];

test('lets the event loop turn between requests that keep it, and says each time that it turns', async (t) => {
  const { heads, frames } = await answersOf(await LinkedWorker.start(t, 'turns.cjs'), () => '/?ms=20');
  const begun = heads.map(begunAt);
  assert.equal(begun.length, STREAMS.length);
  assert.ok(begun[0]! < STREAMS.length / 2, `its timers waited for requests: the first one found ${begun[0]} begun`);
  const upToLast = frames.slice(0, frames.indexOf(heads.at(-1)!));
  const signs = upToLast.filter(({ type }) => type === FrameType.Load).length;
  assert.ok(signs >= STREAMS.length / 2, `${signs} signs of life`);
});

test('goes on behind a handler that throws, and lets the event loop turn there as well', async (t) => {
  const target = (stream: number) => (stream % 3 === 0 ? '/?ms=20&throw' : '/?ms=20');
  const { heads } = await answersOf(await LinkedWorker.start(t, 'turns.cjs'), target);
  assert.deepEqual(new Set(heads.map(({ stream }) => stream)), new Set(STREAMS));
});

/** Requests that reach it all at once, and what came of it. */
async function answersOf(
  worker: LinkedWorker,
  target: (stream: number) => string,
): Promise<{ heads: Frame[]; frames: Frame[] }> {
  worker.get(new Map(STREAMS.map((stream) => [stream, target(stream)])));
  const heads = await until('every answer', () => {
    const found = worker.received.frames.filter(({ type }) => type === FrameType.Head);
    return found.length === STREAMS.length ? found : null;
  });
  return { heads, frames: worker.received.frames };
}

/** How many requests had been begun when it was answered. */
function begunAt({ payload }: Frame): number {
  return Number(payload.slice(payload.indexOf('\r\n\r\n') + 4));
}
