import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import { APPS, request } from './evener-process.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

/** A real HTTP server in a process of its own, which is not a child of Evener. */
export class ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly #app: string;
  #child: ChildProcess | null = null;

  private constructor(test: Cleanup, name: string, port: number, app: string) {
    this.#app = app;
    this.name = name;
    this.port = port;
    test.after(() => this.kill());
  }

  /** One that does not run yet. */
  static async at(test: Cleanup, name: string, app: string = 'served.cjs'): Promise<ServerProcess> {
    return new ServerProcess(test, name, await freePort(), app);
  }

  static async start(
    test: Cleanup,
    name: string,
    env: Readonly<Record<string, string>> = {},
    app?: string,
  ): Promise<ServerProcess> {
    const server = await ServerProcess.at(test, name, app);
    await server.start(env);
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves when it listens. */
  async start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const env = { ...process.env, PORT: String(this.port), NAME: this.name, ...more };
    const child = spawn(process.execPath, [resolve(APPS, this.#app)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`${this.name} ended before it listened: ${code ?? signal}`);
    });
    await Promise.race([once(child.stdout!, 'data'), ended]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/**
 * Has servers of `served.cjs` answer what they hold under `/held`, until these answers have come: a request that is in flight may
 * not be there yet.
 */
export async function release<T>(servers: readonly ServerProcess[], answers: Promise<T>): Promise<T> {
  let isOver = false;
  void Promise.allSettled([answers]).then(() => {
    isOver = true;
  });
  await until('all that is held to be answered', async () => {
    for (const server of servers) await request(`${server.url}/release`);
    return isOver;
  });
  return answers;
}
