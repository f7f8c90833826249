import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ownFile } from '../core/own-files.ts';
import { setImmediate, setTimeout } from '../core/timers.ts';

/** What the holder is asked. `keep` brings the handle, and is answered with `kept`; the others have a number of their own. */
export interface HolderQuestion {
  readonly act: 'keep' | 'give-back' | 'drop';
  readonly id: number;
  readonly question: number;
}

/** `given` brings the handle, before `done`. */
export type HolderAnswer = { readonly kept: number } | { readonly given: number } | { readonly done: number };

/** It answers in less than a millisecond. One that takes so long is ended, and its sockets with it. ms */
const ANSWER_LIMIT_MS = 2_000;

interface Asked {
  readonly timer: NodeJS.Timeout;
  readonly resolve: (handle: object | null) => void;
  handle: object | null;
}

/**
 * A process that has listening sockets open beside us, so that we can close ours and what the kernel has in their queues
 * stays there. Node has no other way: its handles accept whatever comes, and it has no dup(2).
 */
export class SocketHolder {
  /** null where none could be started. */
  readonly #child: ChildProcess | null;
  readonly #kept = new Set<number>();
  readonly #asked = new Map<number, Asked>();
  #lastQuestion = 0;
  #isGone = false;

  /** Takes six descriptors while it starts, and one from then on. Where there are none it is {@link isGone} at once. */
  constructor() {
    this.#child = start();
    // Node sets up no channel where a descriptor for it was wanting, and tells of that later.
    if (this.#child === null || !this.#child.connected) this.#isGone = true;
    this.#child?.on('error', () => this.#gone());
    if (this.#isGone) return;
    const child = this.#child!;
    child.unref();
    child.channel?.unref();
    child.on('message', (message: HolderAnswer, handle: unknown) =>
      this.#told(message, (handle ?? null) as object | null),
    );
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
    this.#tell({ act: 'keep', id, question: 0 }, handle);
  }

  /**
   * A handle of our own again, on which nothing listens yet; it is kept there as well. null where it is not, or no
   * descriptor is left for it here.
   */
  giveBack(id: number): Promise<object | null> {
    return this.has(id) ? this.#ask('give-back', id) : Promise.resolve(null);
  }

  /** Resolves when it is closed there as well. */
  async drop(id: number): Promise<void> {
    this.#kept.delete(id);
    await this.#ask('drop', id);
  }

  close(): void {
    this.#child?.kill('SIGKILL');
    this.#gone();
  }

  #ask(act: 'give-back' | 'drop', id: number): Promise<object | null> {
    if (this.#isGone) return Promise.resolve(null);
    const question = ++this.#lastQuestion;
    return new Promise((resolve) => {
      // Where this thread was held up the answer may be there and not read.
      const timer = setTimeout(() => setImmediate(() => this.#asked.has(question) && this.close()), ANSWER_LIMIT_MS);
      this.#asked.set(question, { timer, resolve, handle: null });
      this.#tell({ act, id, question });
    });
  }

  #told(message: HolderAnswer, handle: object | null): void {
    if ('given' in message) {
      const asked = this.#asked.get(message.given);
      if (asked === undefined) (handle as { close(): void } | null)?.close();
      else asked.handle = handle;
    } else if ('done' in message) {
      this.#done(message.done);
    } else if (!this.#isGone) {
      this.#kept.add(message.kept);
    }
  }

  #done(question: number): void {
    const asked = this.#asked.get(question);
    if (asked === undefined) return;
    this.#asked.delete(question);
    clearTimeout(asked.timer);
    asked.resolve(asked.handle);
  }

  #tell(question: HolderQuestion, handle?: object): void {
    if (this.#isGone || this.#child?.connected !== true) return;
    // When it fails the holder is gone, which it tells by itself.
    this.#child.send(question, handle as never, { keepOpen: true }, () => {});
  }

  #gone(): void {
    this.#isGone = true;
    this.#kept.clear();
    for (const question of [...this.#asked.keys()]) this.#done(question);
  }
}

function start(): ChildProcess | null {
  try {
    return fork(fileURLToPath(ownFile('clients/socket-holder-process.js')), {
      cwd: '/',
      detached: true,
      execArgv: [],
      env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  } catch {
    // Some errors are thrown (ENOMEM), others emitted (EAGAIN).
    return null;
  }
}
