import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LOOPBACK, MAIN } from '../../support/package-scripts.ts';
import { RawClient } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';
import type { Behaviour, ClientSide } from './behaviour.ts';

const APP = fileURLToPath(new URL('app.js', import.meta.url));

/** Ways to run an app: on Node alone first, which the others are compared with. */
const WAYS = {
  'Node alone': [APP],
  evener: [MAIN, APP, '-w', '1', '--drain-limit', '1s', '--'],
  'evener/loopback': ['--import', LOOPBACK, APP],
} as const;
type Way = keyof typeof WAYS;

const MAJOR = Number.parseInt(process.versions.node, 10);

/** A machine that runs much else takes its time to start an app of fifty servers. */
const START_MS = 90_000;

/** Lets every behaviour of a group be met by its client on Node alone and under Evener, and compares what was seen. */
export function compare(group: string, behaviours: readonly Behaviour[]): void {
  const apps = new Map<Way, CompatApp>();
  before(async () => {
    for (const way of Object.keys(WAYS) as Way[]) apps.set(way, new CompatApp(way, group));
    await Promise.all([...apps.values()].map((app) => app.ready()));
  });
  after(() => Promise.all([...apps.values()].map((app) => app.close())));

  for (const behaviour of behaviours) {
    const skip = behaviour.since !== undefined && MAJOR < behaviour.since;
    test(`${group}: ${behaviour.name}`, { skip, timeout: 60_000 }, async (t) => {
      const meet = ([way, app]: [Way, CompatApp]): Promise<unknown> =>
        behaviour.meet(app.clientSide(t, behaviour.name)).catch((error: Error) => {
          throw new Error(`${way}: ${error.message}`, { cause: error });
        });
      const [alone, ...others] = await Promise.all([...apps].map(meet));
      for (const [i, other] of others.entries()) {
        const way = [...apps.keys()][i + 1]!;
        const isOther = behaviour.difference !== undefined && !(behaviour.isSameInLoopback && way !== 'evener');
        if (isOther) assert.notDeepEqual(plain(other), plain(alone), `${way}: listed as a difference, and it is none`);
        else assert.deepEqual({ [way]: plain(other) }, { [way]: plain(alone) });
      }
    });
  }
}

/** One process that serves all behaviours of a group, each on servers of its own. */
class CompatApp {
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'evc-'));
  readonly #told: [behaviour: string, what: string, value: unknown][] = [];
  #output = '';
  #hasEnded = false;

  constructor(way: Way, group: string) {
    const env: Record<string, string | undefined> = { ...process.env, TMPDIR: this.#folder };
    for (const name of ['XDG_RUNTIME_DIR', 'WEB_CONCURRENCY', 'PORT', 'NODE_TEST_CONTEXT']) delete env[name];
    this.#child = spawn(process.execPath, [...WAYS[way], group, this.#folder], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.once('exit', () => {
      this.#hasEnded = true;
    });
    let rest = '';
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line.startsWith('["')) this.#told.push(JSON.parse(line));
      this.#output += text;
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  ready(): Promise<unknown> {
    return until(
      () => `the app to start:\n${this.#output.slice(-1500)}`,
      () => this.#told.some(([behaviour]) => behaviour === 'ready'),
      START_MS,
    );
  }

  async close(): Promise<void> {
    const exited = this.#hasEnded ? null : once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  clientSide(t: TestContext, behaviour: string): ClientSide {
    const all = (what: string): unknown[] =>
      this.#told.filter(([one, key]) => one === behaviour && key === what).map(([, , value]) => value);
    const told = async <T>(what: string, index: number = 0): Promise<T> => {
      const [value] = await until(
        () => `the app to tell of ${what} ${index + 1} times in:\n${this.#output.slice(-1500)}`,
        () => {
          if (this.#hasEnded) throw new Error(`the app has ended:\n${this.#output.slice(-1500)}`);
          const values = all(what);
          return values.length > index ? [values[index]] : null;
        },
      );
      return value as T;
    };
    const port = (index?: number): Promise<number> => told<number>('port', index);
    const connect = async (index?: number, allowHalfOpen?: boolean): Promise<RawClient> =>
      RawClient.connect(t, `tcp://127.0.0.1:${await port(index)}`, allowHalfOpen);
    const send = async (bytes: string, index?: number): Promise<string> => {
      const client = await connect(index);
      client.write(bytes);
      const answer = await client.rest();
      client.socket.destroy();
      return withoutDate(answer);
    };
    return { test: t, port, told, all, connect, send };
  }
}

/** Of what JSON can carry, since that is how an app tells; long texts by their digest, so that a failure can be read. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  return JSON.parse(JSON.stringify(value), (_key, one: unknown) => {
    if (typeof one !== 'string') return one;
    if (one.length < 4000) return MAJOR < 26 ? one : withoutCuts(one);
    return `${one.slice(0, 500)}... ${one.length} ${createHash('sha256').update(one).digest('hex')}`;
  });
}

/**
 * A chunked response with its body in one piece. From Node 26 on the writes of a turn leave as one chunk, and under Evener as they were
 * written; how a body is cut means nothing (RFC 9112 section 7.1).
 */
function withoutCuts(text: string): string {
  const bodyAt = text.indexOf('\r\n\r\n') + 4;
  if (!/^transfer-encoding: chunked\r$/im.test(text.slice(0, bodyAt))) return text;
  let rest = text.slice(bodyAt);
  let body = '';
  for (;;) {
    const line = /^([0-9a-f]+)\r\n/i.exec(rest);
    if (line === null) return text;
    const length = Number.parseInt(line[1]!, 16);
    if (length === 0) return `${text.slice(0, bodyAt)}${body}\r\n${rest}`;
    body += rest.slice(line[0].length, line[0].length + length);
    rest = rest.slice(line[0].length + length + 2);
  }
}

export function withoutDate(text: string): string {
  return text.replace(/^Date: \w{3}, .*GMT(?=\r$)/gim, 'Date: now');
}
