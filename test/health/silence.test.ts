import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Silence, SilenceAct } from '../../src/health/silence.ts';

const SWEEP_MS = 100;

/** A server as its transport would tell of it, from one sweep to the next. */
class Server {
  readonly silence = new Silence();
  nowMs = 1_000;
  owesSinceMs = 0;
  heardAtMs = 0;
  areOthersWell = true;
  /** Acts that came, each with its time since {@link since}. */
  readonly acts: string[] = [];
  #sinceMs = 1_000;

  /** So many answers that took so long. */
  answered(tookMs: number, times: number = 20): this {
    for (let i = 0; i < times; i++) this.silence.answered(tookMs);
    return this;
  }

  /** A request is sent to it, or is not answered, from now on. */
  owes(): this {
    this.owesSinceMs = this.nowMs;
    this.#sinceMs = this.nowMs;
    return this;
  }

  pass(forMs: number): this {
    for (let passed = 0; passed < forMs; passed += SWEEP_MS) {
      this.nowMs += SWEEP_MS;
      this.#note(this.silence.step(this.nowMs, this.owesSinceMs, this.heardAtMs, () => this.areOthersWell));
    }
    return this;
  }

  says(): this {
    this.heardAtMs = this.nowMs;
    this.owesSinceMs = 0;
    return this;
  }

  answersQuestion(tookMs: number): this {
    this.#note(this.silence.questionAnswered(tookMs, this.nowMs));
    return this;
  }

  #note(act: SilenceAct): void {
    const names = Object.keys(SilenceAct);
    if (act !== SilenceAct.None) this.acts.push(`${names[act]} ${this.nowMs - this.#sinceMs}`);
  }
}

test('a server that answered in 5 ms and stops is asked after 0.2 s and out after 0.6 s', () => {
  const server = new Server().answered(5).owes().pass(3_000);
  assert.deepEqual(server.acts, ['Ask 200', 'Stall 600']);
});

test('one that owes nothing is never asked', () => {
  assert.deepEqual(new Server().answered(5).pass(60_000).acts, []);
});

test('one that goes on sending anything is never asked', () => {
  const server = new Server().answered(5).owes();
  for (let i = 0; i < 100; i++) {
    server.pass(SWEEP_MS);
    server.heardAtMs = server.nowMs;
  }
  assert.deepEqual(server.acts, []);
});

test('one whose answers all take 3 s, to questions too, stays in, from its first answer on and before', () => {
  const server = new Server().owes().pass(3_000);
  assert.deepEqual(server.acts, ['Ask 1000']);
  server.answersQuestion(2_000).says().answered(3_000, 1);
  for (let i = 0; i < 10; i++) server.owes().pass(3_000).says().answered(3_000, 1);
  assert.deepEqual(server.acts, ['Ask 1000']);
});

test('one that answers questions and no requests stays in, and is asked more and more rarely', () => {
  const server = new Server().answered(5).owes();
  for (let i = 0; i < 600; i++) {
    const asked = server.acts.length;
    server.pass(SWEEP_MS);
    if (server.acts.length > asked) server.answersQuestion(1);
  }
  assert.deepEqual(server.acts.slice(0, 6), ['Ask 200', 'Ask 600', 'Ask 1400', 'Ask 3000', 'Ask 6200', 'Ask 11200']);
  assert.ok(server.acts.length < 20, server.acts.join());
});

test('it is back with the first byte, or the first answer to a question', () => {
  const byByte = new Server().answered(5).owes().pass(2_000);
  byByte.says().pass(SWEEP_MS);
  assert.deepEqual(byByte.acts, ['Ask 200', 'Stall 600', 'Recover 2100']);
  const byQuestion = new Server().answered(5).owes().pass(2_000).answersQuestion(1_800);
  assert.deepEqual(byQuestion.acts, ['Ask 200', 'Stall 600', 'Recover 2000']);
  assert.equal(byQuestion.silence.isStalled, false);
});

test('it stays out while it answers nothing, though nothing is owed any more, and is asked again', () => {
  const server = new Server().answered(5).owes().pass(1_000);
  server.owesSinceMs = 0;
  server.pass(9_000).silence.questionFailed(true, server.nowMs);
  server.pass(1_500);
  assert.deepEqual(server.acts, ['Ask 200', 'Stall 600', 'Ask 11000']);
  assert.ok(server.silence.isStalled);
});

test('what it has in hand is moved after a second, or later where its answers may take longer', () => {
  assert.equal(new Server().answered(5).silence.moveAfterMs, 1_000);
  assert.equal(new Server().answered(4_000, 1).answered(5).silence.moveAfterMs, 6_000);
  const server = new Server().answered(5).owes().pass(3_000).says().pass(SWEEP_MS);
  assert.ok(Math.abs(server.silence.moveAfterMs - 4_500) < 100, `${server.silence.moveAfterMs} ms`);
  server.pass(15 * 60_000);
  assert.equal(server.silence.moveAfterMs, 1_000);
});

test('where nobody else is well nobody is out', () => {
  const server = new Server().answered(5).owes();
  server.areOthersWell = false;
  assert.deepEqual(server.pass(30_000).acts, []);
  server.areOthersWell = true;
  server.pass(SWEEP_MS);
  assert.deepEqual(server.acts, ['Ask 30100']);
  server.areOthersWell = false;
  server.pass(5_000);
  assert.equal(server.silence.isStalled, false);
});

test('one that refuses the question finishes what it has', () => {
  const server = new Server().answered(5).owes().pass(300);
  server.silence.questionFailed(false, server.nowMs);
  server.pass(4_000);
  assert.deepEqual(server.acts, ['Ask 200']);
});

test('time in which this thread was held up proves nothing', () => {
  const server = new Server().answered(5).owes().pass(SWEEP_MS);
  server.nowMs += 5_000;
  server.pass(SWEEP_MS);
  assert.deepEqual(server.acts, []);
  server.pass(2 * SWEEP_MS);
  assert.equal(server.acts.length, 1);
  server.nowMs += 5_000;
  server.pass(SWEEP_MS);
  assert.equal(server.silence.isStalled, false);
});
