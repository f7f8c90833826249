import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FlushTurn } from '../../src/link/flush-turn.ts';
import { FrameWriter } from '../../src/link/frame-writer.ts';
import { FrameFlag, FrameType } from '../../src/link/frames.ts';
import { BatchRecorder } from './recorded-frames.ts';

/** A sink that wakes the turn, as the two ends of a link do. */
class WakingSink extends BatchRecorder {
  readonly writer: FrameWriter = new FrameWriter(this);
  readonly #turn: FlushTurn;

  constructor(flushTurn: FlushTurn) {
    super();
    this.#turn = flushTurn;
  }

  override wake(): void {
    super.wake();
    this.#turn.wake(this.writer);
  }

  message(isComplete: boolean = true): void {
    this.writer.text(FrameType.End, FrameFlag.None, 1, 'message');
    if (isComplete) this.#turn.messageComplete();
  }
}

test('a lone message leaves at once', async () => {
  const flushTurn = new FlushTurn();
  const sink = new WakingSink(flushTurn);
  for (let i = 1; i <= 3; i++) {
    sink.message();
    assert.equal(sink.batches.length, i);
    await turn();
    assert.equal(sink.batches.length, i);
  }
});

test('the first of a burst leaves at once, the rest with the end of the turn', async () => {
  const sink = new WakingSink(new FlushTurn());
  for (let i = 0; i < 10; i++) sink.message();
  assert.equal(sink.batches.length, 1);
  await turn();
  assert.equal(sink.batches.length, 2);
});

test('under load one batch leaves a turn', async () => {
  const flushTurn = new FlushTurn();
  const sinks = [new WakingSink(flushTurn), new WakingSink(flushTurn)];
  for (const sink of sinks) for (let i = 0; i < 5; i++) sink.message();
  await turn();
  for (let round = 0; round < 5; round++) {
    const before = sinks.map((sink) => sink.batches.length);
    for (let i = 0; i < 5; i++) for (const sink of sinks) sink.message();
    assert.deepEqual(
      sinks.map((sink) => sink.batches.length),
      before,
      'nothing leaves early',
    );
    await turn();
    assert.deepEqual(
      sinks.map((sink) => sink.batches.length),
      before.map((n) => n + 1),
    );
  }
});

test('when the load is over, messages leave at once again', async () => {
  const sink = new WakingSink(new FlushTurn());
  for (let i = 0; i < 5; i++) sink.message();
  await turn();
  sink.message();
  await turn();
  const before = sink.batches.length;
  sink.message();
  assert.equal(sink.batches.length, before + 1);
  await turn();
});

test('what is no whole message leaves with the end of the turn', async () => {
  const sink = new WakingSink(new FlushTurn());
  sink.message(false);
  assert.equal(sink.batches.length, 0);
  await turn();
  assert.equal(sink.batches.length, 1);
});

test('one that gathers sends nothing while each turn brings more, and all of it when one brings nothing', async () => {
  const sink = new WakingSink(new FlushTurn(100));
  sink.message();
  sink.message();
  const before = sink.batches.length;
  for (let round = 0; round < 5; round++) {
    await turn();
    assert.equal(sink.batches.length, before, 'nothing leaves while more comes');
    sink.message();
  }
  await turn();
  await turn();
  await turn();
  assert.equal(sink.batches.length, before + 1);
});

test('one that gathers sends what it has when that is enough', async () => {
  const sink = new WakingSink(new FlushTurn(4));
  for (let i = 0; i < 2; i++) sink.message();
  await turn();
  const before = sink.batches.length;
  for (let i = 0; i < 2; i++) sink.message();
  await turn();
  assert.equal(sink.batches.length, before + 1);
});

test('one that gathers holds no lone message', async () => {
  const sink = new WakingSink(new FlushTurn(4));
  for (let i = 1; i <= 3; i++) {
    sink.message();
    assert.equal(sink.batches.length, i);
    await turn();
  }
});
