import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReloadQueue } from '../../src/supervision/reload-queue.ts';

/** Runs that end when they are told to, each with its request. */
function held() {
  const ends: ((failure?: Error) => void)[] = [];
  const ran: string[] = [];
  const run = (request: string): Promise<string> => {
    ran.push(request);
    return new Promise((resolve, reject) => {
      ends.push((failure) => (failure === undefined ? resolve(`done ${request}`) : reject(failure)));
    });
  };
  return { queue: new ReloadQueue(run, (waiting, later) => `${waiting}+${later}`), ends, ran };
}

test('a second waits, and a third is the second with what both are asked for', async () => {
  const { queue, ends, ran } = held();
  const [first, second, third] = ['a', 'b', 'c'].map((request) => queue.request(request));
  assert.deepEqual(ran, ['a']);
  ends[0]!();
  assert.equal(await first, 'done a');
  await new Promise(setImmediate);
  assert.deepEqual(ran, ['a', 'b+c']);
  ends[1]!();
  assert.deepEqual(await Promise.all([second, third]), ['done b+c', 'done b+c']);
  assert.equal(queue.isBusy, false);
});

test('one that fails does not keep the next from running', async () => {
  const { queue, ends, ran } = held();
  const first = queue.request('a');
  const second = queue.request('b');
  ends[0]!(new Error('no'));
  await assert.rejects(first, /no/);
  await new Promise(setImmediate);
  assert.deepEqual(ran, ['a', 'b']);
  ends[1]!();
  assert.equal(await second, 'done b');
});
