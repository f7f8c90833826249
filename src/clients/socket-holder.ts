import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ownFile } from '../core/own-files.ts';
import { setTimeout } from '../core/timers.ts';

/** What the holder is asked. `keep` brings the handle. */
export interface HolderQuestion {
  readonly act: 'keep' | 'give-back' | 'drop';
  readonly id: number;
}

export type HolderAnswer = { readonly kept: number } | { readonly given: number };

/** It answers in less than a millisecond. One that takes so long is ended, and its sockets with it. ms */
const ANSWER_LIMIT_MS = 2_000;

/**
 * A process that has listening sockets open beside us, so that we can close ours and what the kernel has in their queues
 * stays there. Node has no other way: its handles accept whatever comes, and it has no dup(2).
 */
export class SocketHolder {
  readonly #child: ChildProcess;
  readonly #kept = new Set<number>();
  readonly #asked = new Map<number, (handle: object | null) => void>();
  #isGone = false;

  /** Takes six descriptors while it starts, and one from then on. */
  constructor() {
    const child = fork(fileURLToPath(ownFile('clients/socket-holder-process.js')), {
      cwd: '/',
      detached: true,
      execArgv: [],
      env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    child.unref();
    child.channel?.unref();
    child.on('message', (message: HolderAnswer, handle: unknown) => {
      if ('kept' in message) this.#kept.add(message.kept);
      else this.#answered(message.given, handle);
    });
    child.once('error', () => this.#gone());
    child.once('exit', () => this.#gone());
    child.once('disconnect', () => this.#gone());
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether this socket stays open when we close ours. */
  has(id: number): boolean {
    return this.#kept.has(id);
  }

  /** @param handle of a listening server. {@link has} says when it is there. */
  keep(id: number, handle: object): void {
    this.#tell({ act: 'keep', id }, handle);
  }

  /** @returns a handle of our own again, on which nothing listens yet; null where it is not there, or no descriptor is left */
  giveBack(id: number): Promise<object | null> {
    if (!this.has(id)) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.close(), ANSWER_LIMIT_MS);
      this.#asked.set(id, (handle) => {
        clearTimeout(timer);
        resolve(handle);
      });
      this.#tell({ act: 'give-back', id });
    });
  }

  /** It is to be closed there as well. */
  drop(id: number): void {
    this.#kept.delete(id);
    this.#tell({ act: 'drop', id });
  }

  close(): void {
    this.#child.kill('SIGKILL');
    this.#gone();
  }

  #answered(id: number, handle: unknown): void {
    const resolve = this.#asked.get(id);
    this.#asked.delete(id);
    resolve?.((handle as object | undefined) ?? null);
  }

  #tell(question: HolderQuestion, handle?: object): void {
    if (this.#isGone) return;
    // When it fails the holder is gone, which it tells by itself.
    this.#child.send(question, handle as never, { keepOpen: true }, () => {});
  }

  #gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#kept.clear();
    for (const id of [...this.#asked.keys()]) this.#answered(id, null);
  }
}
