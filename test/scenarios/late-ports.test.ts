import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verb } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';

interface Late {
  readonly evener: EvenerProcess;
  /** Of the port that is listened on later. */
  readonly url: string;
  /** Who answers there. */
  readonly old: string;
  /** Lets new workers listen there, or fail. */
  say(word: string): void;
}

/** An app whose new workers listen on one of their ports, and not yet on the other. */
async function reloading(context: TestContext, words: readonly string[] = []): Promise<Late> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-late-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'go');
  const say = (word: string): void => writeFileSync(file, word);
  say('');
  const evener = new EvenerProcess(context, ['late-port.cjs', '-w', '1', '--', file]);
  await evener.saidTimes(/listening on http/, 2);
  const url = [...evener.stderr.matchAll(/listening on (http:\S+)/g)][1]![1]!;
  const old = (await request(url)).body;
  rmSync(file);
  // How it ends is seen in what is said.
  void verb(evener, ['reload', ...words]);
  await evener.saidTimes(/worker 0 ready/, 2);
  return { evener, url, old, say };
}

test('a reload lets a worker go once the new one listens on all of its ports', async (context) => {
  const { evener, url, old, say } = await reloading(context);
  await evener.said(
    /worker 0 .+ does not listen on http:.+ yet, as the one before it does: that one stays for 29 s at most/,
  );
  assert.equal((await request(url)).body, old);
  say('');
  await evener.said(/reload done/);
  assert.notEqual((await request(url)).body, old);
});

test('one that was tried out and stays is waited for as well', async (context) => {
  const { evener, url, old, say } = await reloading(context, ['--canary', '50%', '--for', '1s']);
  await evener.said(/worker 0 .+ was tried out for .+; going on/);
  await evener.said(/worker 0 .+ does not listen on http:.+ yet, as the one before it does/);
  assert.equal((await request(url)).body, old);
  say('');
  await evener.said(/reload done/);
  assert.notEqual((await request(url)).body, old);
  assert.equal(evener.count(/worker 0 ready/), 2);
});

test('a new worker that ends before it listens on all ports leaves the old one in its place', async (context) => {
  const { evener, url, old, say } = await reloading(context);
  say('fail');
  await evener.said(/reload failed.+ the new worker ended before it listened on all ports of the old one/);
  assert.equal((await request(url)).body, old);
  assert.doesNotMatch(evener.stderr, /restarting/);
});

test('one that ends meanwhile leaves its place to the new one', async (context) => {
  const { evener, url, old, say } = await reloading(context);
  process.kill(Number(old), 'SIGKILL');
  await evener.said(/reload done/);
  say('');
  assert.notEqual((await request(url)).body, old);
  assert.equal(evener.count(/worker 0 ready/), 2);
});
