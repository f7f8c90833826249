import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { APPS, EvenerProcess } from '../../support/evener-process.ts';
import { until } from '../../support/until.ts';

/** An app that tells what it sees: each line of its output is a JSON array of a name and a value. */
export class TellingApp {
  readonly test: TestContext;
  readonly #stdout: () => string;

  constructor(test: TestContext, stdout: () => string) {
    this.test = test;
    this.#stdout = stdout;
  }

  /** All values told under this name so far. */
  all(name: string): unknown[] {
    const values: unknown[] = [];
    for (const line of this.#stdout().split('\n').slice(0, -1)) {
      if (!line.startsWith('["')) continue;
      const [key, value] = JSON.parse(line) as [string, unknown];
      if (key === name) values.push(value);
    }
    return values;
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
    return `http://127.0.0.1:${await this.told<number>('port')}`;
  }
}

/** Arguments of the app; a function where two that run at the same time need different ones. */
export type AppArguments = readonly string[] | (() => Promise<readonly string[]>);

/**
 * A test that lets a client meet an app on Node alone and the same app behind one worker, and fails when it observes
 * two different things.
 *
 * @param script under `transparent/`
 */
export function sameAsNode(
  name: string,
  script: string,
  args: AppArguments,
  observe: (app: TellingApp) => Promise<unknown>,
  options: { readonly todo?: string } = {},
): void {
  test(`same as Node: ${name}`, options, async (t) => {
    const path = join('transparent', script);
    const child = spawn(process.execPath, [join(APPS, path), ...(await of(args))], {
      cwd: APPS,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    t.after(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const evener = new EvenerProcess(t, [path, '-w', '1', '--drain-limit', '1s', '--', ...(await of(args))]);
    const [alone, behind] = await Promise.all([
      observe(new TellingApp(t, () => stdout)),
      evener.said(/worker 0 ready/).then(() => observe(new TellingApp(t, () => evener.stdout))),
    ]);
    assert.deepEqual(...different(behind, alone));
  });
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
