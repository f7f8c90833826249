import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN } from '../../../src/cli/tables.ts';
import type { Terminal } from '../../../src/cli/top/terminal.ts';
import { Top } from '../../../src/cli/top/top.ts';
import { controlOf, verb } from '../../support/control.ts';
import { APPS, EvenerProcess } from '../../support/evener-process.ts';
import { MAIN } from '../../support/package-scripts.ts';
import { HAS_TMUX, openTmux } from '../../support/tmux.ts';
import { until } from '../../support/until.ts';

/** A terminal without one: what is written is kept as a screen, and keys are typed by the test. */
class FakeTerminal implements Terminal {
  columns = 80;
  rows = 24;
  readonly #lines: string[] = [];
  #onKey: (key: string) => void = () => {};
  #onResize: () => void = () => {};

  write(text: string): void {
    if (text.includes('\x1b[2J')) this.#lines.length = 0;
    for (const [, row, line] of text.matchAll(/\x1b\[(\d+);1H(.*?)\x1b\[0m\x1b\[K/g))
      this.#lines[Number(row) - 1] = line!;
  }
  onKey(listener: (key: string) => void): void {
    this.#onKey = listener;
  }
  onResize(listener: () => void): void {
    this.#onResize = listener;
  }
  restore(): void {}

  type(key: string): void {
    this.#onKey(key);
  }
  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.#onResize();
  }
  get text(): string {
    return this.#lines.join('\n');
  }
  async shows(pattern: RegExp): Promise<void> {
    await until(
      () => `${pattern} in:\n${this.text}`,
      () => pattern.test(this.text),
    );
  }
}

test('shows an instance live, and acts on it by keys', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2', '--name', 'web']);
  await evener.url(2);
  const terminal = new FakeTerminal();
  const running = new Top(await controlOf(evener), terminal, PLAIN).run();
  await terminal.shows(/^ web {2}running/m);
  await terminal.shows(/^>0 .*ready/m);
  terminal.type('j');
  await terminal.shows(/^>1 .*ready/m);
  terminal.type('r');
  await terminal.shows(/restart 1: done/);
  await evener.said(/worker 1 \(pid \d+\) is replaced, as asked/);
  terminal.type('+');
  await terminal.shows(/^ 2 .*ready/m);
  terminal.type('-');
  await evener.said(/scaled to 2 workers/);
  terminal.type('?');
  await terminal.shows(/any key: back/);
  terminal.resize(120, 40);
  await terminal.shows(/any key: back/);
  terminal.type(' ');
  await terminal.shows(/^>1 .*ready/m);
  terminal.type('w');
  await terminal.shows(/is not blocked: its event loop turns/);
  terminal.type(' ');
  terminal.type('k');
  terminal.type('d');
  await terminal.shows(/^>0 .*drained/m);
  terminal.type('j');
  terminal.type('d');
  await terminal.shows(/drain 1: it is the only worker that serves/);
  terminal.type('R');
  await terminal.shows(/reload: done/);
  terminal.type('q');
  assert.equal(await running, true);
  assert.ok(!evener.hasEnded, 'the instance goes on');
});

test('ends with the instance', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  await evener.url();
  const terminal = new FakeTerminal();
  const running = new Top(await controlOf(evener), terminal, PLAIN).run();
  await terminal.shows(/^>0 .*ready/m);
  evener.kill('SIGTERM');
  assert.equal(await running, false);
});

test('needs a terminal', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  await evener.url();
  const { code, stderr } = await verb(evener, ['top']);
  assert.deepEqual([code, stderr], [2, 'evener: top needs a terminal: evener status shows the same once\n']);
});

test('on a real terminal it leaves everything as it was', {
  skip: !HAS_TMUX && 'tmux is not installed',
}, async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2', '--name', 'web']);
  await evener.url(2);
  const tmux = openTmux(context, evener.temporary, APPS);
  tmux(
    'send-keys',
    `TMPDIR=${evener.temporary} XDG_RUNTIME_DIR= ${process.execPath} ${MAIN} top; echo left with $?`,
    'Enter',
  );
  const shown = await until('the view', () => {
    const text = tmux('capture-pane', '-p');
    // Drawn from its first line to its last: it may be seen in between.
    return /^>0 .*ready/m.test(text) && /q quit$/m.test(text) ? text : null;
  });
  assert.match(shown, /^ web {2}running, up .+ 2 of 2 ready/m);
  assert.match(shown, /^ ID .*STATE .*REQ\/S .*BUSY/m);
  assert.ok(!shown.includes('echo left'), 'on a screen of its own');
  tmux('send-keys', 'j', 'r');
  await evener.said(/worker 1 \(pid \d+\) is replaced, as asked/);
  tmux('resize-window', '-x', '140', '-y', '40');
  await until('the wide view', () => /^ ID .*PID .*REQUESTS .*LOOP .*UP/m.test(tmux('capture-pane', '-p')));
  tmux('send-keys', 'q');
  const after = await until('the shell', () => {
    const text = tmux('capture-pane', '-p');
    return /left with \d/.test(text.replace(/left with \$\?/g, '')) ? text : null;
  });
  assert.match(after, /left with 0/);
  assert.ok(!after.includes('IN FL'), 'the ordinary screen is back');
  assert.equal(tmux('display', '-p', '#{cursor_flag}').trim(), '1', 'with its cursor');
});
