import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from './cleanup.ts';
import { MAIN } from './package-scripts.ts';
import { until } from './until.ts';

/** Folder of the apps that tests run. Ends with a slash. */
export const APPS: string = fileURLToPath(new URL('../../../test/fixtures/apps/', import.meta.url));

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface EvenerSettings {
  /** Default: the folder of the apps. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that starts the one behind it. */
  readonly launcher?: readonly string[];
}

/** The real command, run as a child; ended, and looked after for what it left, when the test is over. */
export class EvenerProcess {
  readonly ended: Promise<Ending>;
  /** A private folder for temporary files, where it puts its runtime directory. */
  readonly temporary: string = mkdtempSync(join(tmpdir(), 'evt-'));
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #ending: Ending | null = null;

  constructor(test: Cleanup, args: readonly string[], settings: EvenerSettings = {}) {
    const env: Record<string, string | undefined> = { ...process.env, TMPDIR: this.temporary, ...settings.env };
    for (const name of ['XDG_RUNTIME_DIR', 'WEB_CONCURRENCY', 'PORT', 'NODE_TEST_CONTEXT']) {
      if (settings.env?.[name] === undefined) delete env[name];
    }
    const [command, ...before] = settings.launcher ?? [];
    const own = [process.execPath, MAIN, ...args];
    this.#child = spawn(command ?? own[0]!, command === undefined ? own.slice(1) : [...before, ...own], {
      cwd: settings.cwd ?? APPS,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#ending = { code, signal };
        resolve(this.#ending);
      });
    });
    test.after(() => this.#cleanUp());
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Whole lines; of one that is under way only a part may have come. */
  get stdout(): string {
    return this.#whole(this.#stdout);
  }

  /** The same of stderr. */
  get stderr(): string {
    return this.#whole(this.#stderr);
  }

  #whole(text: string): string {
    return this.hasEnded ? text : text.slice(0, text.lastIndexOf('\n') + 1);
  }

  get hasEnded(): boolean {
    return this.#ending !== null;
  }

  /** Its runtime directory while it runs; paths. npm leaves files of its own beside it. */
  runtimeDirectories(): string[] {
    return readdirSync(this.temporary)
      .filter((name) => name.startsWith('evener-'))
      .map((name) => join(this.temporary, name));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The first match in what it says about itself. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return until(
      () => `${pattern} in:\n${this.#stderr}`,
      () => {
        const match = pattern.exec(this.stderr);
        if (match === null && this.hasEnded) throw new Error(`ended without saying ${pattern}:\n${this.#stderr}`);
        return match;
      },
    );
  }

  /** Waits until it has said something so many times. */
  async saidTimes(pattern: RegExp, times: number): Promise<void> {
    await until(
      () => `${times} x ${pattern} in:\n${this.#stderr}`,
      () => this.count(pattern) >= times,
    );
  }

  /** How often it has said something so far. */
  count(pattern: RegExp): number {
    return [...this.stderr.matchAll(new RegExp(pattern.source, `g${pattern.flags.replace('g', '')}`))].length;
  }

  /** Where it listens, once so many workers are ready. Without a slash at the end. */
  async url(workers: number = 1): Promise<string> {
    const [, url] = await this.said(/listening on (http:\/\/\S+)/);
    await this.saidTimes(/worker \d+ ready/, workers);
    return url!;
  }

  async #cleanUp(): Promise<void> {
    if (!this.hasEnded) this.kill('SIGTERM');
    // Clients of the test may still hold connections, which are waited for: a second signal ends it at once.
    const again = setInterval(() => this.kill('SIGTERM'), 200);
    const last = setTimeout(() => this.kill('SIGKILL'), 30_000);
    await this.ended;
    clearInterval(again);
    clearTimeout(last);
    // After SIGKILL its guard is still at work.
    try {
      await until('the runtime directory to be removed', () => this.runtimeDirectories().length === 0);
    } finally {
      rmSync(this.temporary, { recursive: true, force: true });
    }
  }
}

/** One request on a connection of its own. */
export function request(
  url: string,
  method: string = 'GET',
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request(url, { method, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Whether a process runs: one that has ended and only waits for its parent to take note of it does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return false;
  }
}

export function assertEnding(ending: Ending, code: number): void {
  assert.deepEqual(ending, { code, signal: null });
}
