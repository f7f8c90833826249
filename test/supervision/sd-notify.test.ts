import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SdNotify } from '../../src/supervision/sd-notify.ts';
import { DatagramListener } from '../support/datagram-listener.ts';

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evd-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Only these commands are to be found, for as long as the test runs. */
function onlyWith(context: TestContext, commands: readonly string[]): void {
  const path = process.env.PATH!;
  const bin = folder(context);
  for (const command of commands) {
    const found = path.split(delimiter).map((one) => join(one, command));
    // One that comes by a version manager needs more than itself.
    writeFileSync(join(bin, command), `#!/bin/sh\nPATH=${path}\nexec ${command} "$@"\n`);
    chmodSync(join(bin, command), 0o755);
    assert.ok(found.length > 0);
  }
  symlinkSync('/bin/sh', join(bin, 'sh'));
  process.env.PATH = bin;
  context.after(() => {
    process.env.PATH = path;
  });
}

for (const courier of ['systemd-notify', 'perl', 'python3']) {
  for (const kind of ['a path', 'an abstract name']) {
    test(`${courier} carries messages to ${kind}, in order`, async (context) => {
      const socket =
        kind === 'a path' ? join(folder(context), 'notify.sock') : `@evener-test-${process.pid}-${courier}`;
      const listener = await DatagramListener.bind(context, socket);
      onlyWith(context, [courier]);
      const notify = new SdNotify(socket, (reason) => assert.fail(reason));
      notify.send('READY=1', 'STATUS=2 of 2 workers ready');
      notify.send('WATCHDOG=1');
      notify.send('STOPPING=1');
      await notify.flush(60_000);
      await listener.got(/^STOPPING=1$/);
      // systemd-notify asks, after each, whether it was taken.
      const messages = listener.messages.filter((message) => message !== 'BARRIER=1');
      assert.deepEqual(messages, ['READY=1\nSTATUS=2 of 2 workers ready', 'WATCHDOG=1', 'STOPPING=1']);
    });
  }
}

test('a message that no process can be started for is told of, and those after it are sent', async (context) => {
  const socket = join(folder(context), 'notify.sock');
  const listener = await DatagramListener.bind(context, socket);
  const reasons: string[] = [];
  const notify = new SdNotify(socket, (reason) => reasons.push(reason));
  // As where there is no memory for it: spawn() throws.
  notify.send('READY=1', 'X=\0');
  notify.send('STOPPING=1');
  await notify.flush(60_000);
  await listener.got(/^STOPPING=1$/);
  assert.equal(reasons.length, 1);
  assert.match(reasons[0]!, /without null bytes/);
  assert.equal(notify.isBusy, false);
});

test('a status that waits makes way for the next one', async (context) => {
  const socket = join(folder(context), 'notify.sock');
  const listener = await DatagramListener.bind(context, socket);
  const notify = new SdNotify(socket, (reason) => assert.fail(reason));
  notify.send('READY=1');
  for (let n = 0; n < 50; n++) notify.send(`STATUS=${n}`);
  await notify.flush(60_000);
  await listener.got(/^STATUS=49$/);
  assert.ok(listener.messages.filter((message) => message !== 'BARRIER=1').length <= 3, String(listener.messages));
});

test('tells once that nothing can be told', async (context) => {
  const told: string[] = [];
  const notify = new SdNotify(join(folder(context), 'nobody.sock'), (reason) => told.push(reason));
  notify.send('READY=1');
  notify.send('STOPPING=1');
  await notify.flush(60_000);
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^systemd-notify ended with exit code 1$|^perl ended|^python3 ended/);

  onlyWith(context, []);
  const without = new SdNotify('/nowhere', (reason) => told.push(reason));
  without.send('READY=1');
  await without.flush(60_000);
  assert.equal(told[1], 'none of systemd-notify, perl, python3 is there to send to NOTIFY_SOCKET');
});
