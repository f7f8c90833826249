import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Cleanup } from '../../support/cleanup.ts';
import { APPS, EvenerProcess } from '../../support/evener-process.ts';
import { startedOnce } from '../../support/started-once.ts';
import { until } from '../../support/until.ts';

/** An app that tells what it sees: each line of its output is a JSON array of a name and a value. */
export class TellingApp {
  readonly test: TestContext;
  readonly #stdout: () => string;
  readonly #scope: string;
  /** Length of what it had told before this test. */
  readonly #since: number;

  /** @param scope what stands before the names that count here */
  constructor(test: TestContext, stdout: () => string, scope: string = '', since: number = 0) {
    this.test = test;
    this.#stdout = stdout;
    this.#scope = scope;
    this.#since = since;
  }

  /** All values told under this name in this test so far. */
  all(name: string): unknown[] {
    return valuesIn(this.#stdout().slice(this.#since), this.#scope + name);
  }

  /** The value told under this name at that time, from 0. */
  async told<T>(name: string, index: number = 0): Promise<T> {
    const [value] = await until(
      () => `the app to tell of ${name} ${index + 1} times in:\n${this.#stdout()}`,
      () => {
        const values = this.all(name);
        return values.length > index ? [values[index]] : null;
      },
    );
    return value as T;
  }

  /** Where it says that it listens. */
  async url(): Promise<string> {
    const port = await until(
      () => `the app to listen:\n${this.#stdout()}`,
      () => valuesIn(this.#stdout(), `${this.#scope}port`)[0] ?? null,
    );
    return `http://127.0.0.1:${port}`;
  }
}

function valuesIn(stdout: string, name: string): unknown[] {
  const values: unknown[] = [];
  for (const line of stdout.split('\n').slice(0, -1)) {
    if (!line.startsWith('["')) continue;
    const [key, value] = JSON.parse(line) as [string, unknown];
    if (key === name) values.push(value);
  }
  return values;
}

/** Arguments of the app; a function where two that run at the same time need different ones. */
export type AppArguments = readonly string[] | (() => Promise<readonly string[]>);

/** The same app twice. */
class Both {
  readonly #evener: EvenerProcess;
  #alone = '';

  constructor(cleanup: Cleanup, path: string, args: readonly string[], argsBehind: readonly string[]) {
    const child = spawn(process.execPath, [join(APPS, path), ...args], {
      cwd: APPS,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    cleanup.after(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#alone += text;
    });
    this.#evener = new EvenerProcess(cleanup, [path, '-w', '1', '--drain-limit', '1s', '--', ...argsBehind]);
  }

  /** @returns what is observed behind Evener, and on Node alone */
  async observe(t: TestContext, observe: (app: TellingApp) => Promise<unknown>): Promise<[unknown, unknown]> {
    await this.#evener.said(/worker 0 ready/);
    return Promise.all([
      observe(new TellingApp(t, () => this.#evener.stdout, '', this.#evener.stdout.length)),
      observe(new TellingApp(t, () => this.#alone, '', this.#alone.length)),
    ]);
  }

  /** The same, of what one behaviour of the app tells from its start. */
  async observeStart(
    t: TestContext,
    behaviour: string,
    observe: (app: TellingApp) => Promise<unknown>,
  ): Promise<[unknown, unknown]> {
    const scope = `${behaviour}: `;
    return Promise.all([
      this.#evener.said(/worker 0 ready/).then(() => observe(new TellingApp(t, () => this.#evener.stdout, scope))),
      observe(new TellingApp(t, () => this.#alone, scope)),
    ]);
  }
}

/**
 * A test that lets a client meet an app on Node alone and the same app behind one worker, and fails when it observes
 * two different things.
 *
 * @param script under `transparent/`
 * @param args the behaviour of the app first, which is its only one then
 */
export function sameAsNode(
  name: string,
  script: string,
  args: AppArguments,
  observe: (app: TellingApp) => Promise<unknown>,
): void {
  test(`same as Node: ${name}`, async (t) => {
    const [first, second] = [await of(args), await of(args)];
    const both = new Both(t, join('transparent', script), first, second);
    assert.deepEqual(...different(...(await both.observeStart(t, first[0]!, observe))));
  });
}

/** The same for tests that one process may serve, one after the other: what each looks for it is told only by its own requests. */
export function sameAsNodeIn(script: string): (name: string, observe: (app: TellingApp) => Promise<unknown>) => void {
  const both = startedOnce(async (cleanup) => new Both(cleanup, join('transparent', script), [], []));
  return (name, observe) => {
    test(`same as Node: ${name}`, async (t) => {
      assert.deepEqual(...different(...(await (await both()).observe(t, observe))));
    });
  };
}

/** The same for an app of many behaviours that one process may show at once, each under its own name and on servers of its own. */
export function sameBehaviourIn(
  script: string,
): (
  name: string,
  behaviour: string,
  observe: (app: TellingApp) => Promise<unknown>,
  options?: { readonly todo?: string },
) => void {
  const both = startedOnce(async (cleanup) => new Both(cleanup, join('transparent', script), [], []));
  return (name, behaviour, observe, options = {}) => {
    test(`same as Node: ${name}`, options, async (t) => {
      assert.deepEqual(...different(...(await (await both()).observeStart(t, behaviour, observe))));
    });
  };
}

async function of(args: AppArguments): Promise<readonly string[]> {
  return typeof args === 'function' ? args() : args;
}

/** Of two records only what differs, so that a failure can be read. */
function different(one: unknown, other: unknown): [unknown, unknown] {
  if (!isRecord(one) || !isRecord(other)) return [one, other];
  const left: Record<string, unknown> = {};
  const right: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    if (isDeepStrictEqual(one[key], other[key])) continue;
    [left[key], right[key]] = different(one[key], other[key]);
  }
  return [left, right];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
