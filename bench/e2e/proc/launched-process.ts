/**
 * A program that the bench started. Each leads a process group of its own, so that Ctrl-C reaches the bench alone and the
 * bench can end whatever the program started in turn.
 */

import { type ChildProcess, spawn } from 'node:child_process';

export interface LaunchSettings {
  readonly cwd: string;
  /** Added to the small environment that every program gets. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How much of its output is kept for a report of failure. */
const MAX_OUTPUT_CHARS = 16_384;
/** Time to leave in peace before it is ended by force. */
const STOP_LIMIT_MS = 5_000;

export class LaunchedProcess {
  static readonly #live = new Set<LaunchedProcess>();

  readonly name: string;
  readonly pid: number;
  readonly launchedAtMs: number;
  /** Settles when it has ended and its output is complete: the exit code, or null after a signal. */
  readonly exited: Promise<number | null>;
  #output = '';
  #hasExited = false;
  readonly #child: ChildProcess;

  private constructor(command: string, args: readonly string[], settings: LaunchSettings) {
    this.name = command.slice(command.lastIndexOf('/') + 1);
    this.launchedAtMs = performance.now();
    const child = spawn(command, args, {
      cwd: settings.cwd,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '/',
        NODE_ENV: 'production',
        ...settings.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_OUTPUT_CHARS);
      });
    }
    this.exited = new Promise((done) => {
      const end = (code: number | null): void => {
        this.#hasExited = true;
        LaunchedProcess.#live.delete(this);
        done(code);
      };
      child.once('error', (error) => {
        this.#output += error.message;
        end(null);
      });
      child.once('close', end);
    });
  }

  static launch(command: string, args: readonly string[], settings: LaunchSettings): LaunchedProcess {
    const launched = new LaunchedProcess(command, args, settings);
    LaunchedProcess.#live.add(launched);
    return launched;
  }

  /** Ends all that still runs, gently. */
  static async stopAll(): Promise<void> {
    await Promise.all([...LaunchedProcess.#live].map((launched) => launched.stop()));
  }

  /** Ends all that still runs at once; for the bench's own exit, where nothing can be waited for. */
  static killAll(): void {
    for (const launched of LaunchedProcess.#live) launched.#killGroup();
  }

  /** Its last output, both streams together. */
  get output(): string {
    return this.#output;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** SIGTERM, then SIGKILL to its whole group after the limit. */
  async stop(): Promise<void> {
    if (!this.#hasExited) {
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#killGroup(), STOP_LIMIT_MS);
      await this.exited;
      clearTimeout(timer);
    }
    this.#killGroup();
  }

  #killGroup(): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
  }
}
