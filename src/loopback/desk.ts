import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { AheadAnswer } from '../balancer/ports.ts';
import type { WorkerBirth } from '../channel/worker-birth.ts';
import { ownFile } from '../core/own-files.ts';
import type { ListenRequest } from '../link/frames.ts';
import type { ListenDesk } from '../worker/listen-capture.ts';

/** Longest wait for the balancer thread, its start included. */
const ANSWER_LIMIT_MS = 60_000;

/** Longest path of a Unix socket, in bytes: unix(7), less the closing zero and what macOS has less. */
const MAX_SOCKET_PATH_BYTES = 103;

/** What the balancer thread is born with (`workerData`). */
export interface LoopbackBirth {
  readonly linkPath: string;
  readonly token: string;
  readonly port: MessagePort;
  /** One cell: 1 = an answer lies in the port. */
  readonly signal: Int32Array;
}

/** What it is asked. */
export type DeskQuestion =
  | { readonly type: 'open'; readonly request: ListenRequest }
  | { readonly type: 'close'; readonly listener: number };

/**
 * The balancer thread of this process, asked and answering while this thread waits: bare Node has opened or closed a port
 * when listen() or close() returns, and test suites count on it.
 */
export class BalancerDesk implements ListenDesk {
  readonly #folder: string;
  readonly #token = randomBytes(16).toString('hex');
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  #port: MessagePort | null = null;

  constructor() {
    const stem = `evener-${process.pid}-`;
    const isShort = Buffer.byteLength(join(tmpdir(), stem, 'XXXXXX', 'link-0.sock')) <= MAX_SOCKET_PATH_BYTES;
    this.#folder = mkdtempSync(join(isShort ? tmpdir() : '/tmp', stem));
    process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** How this process dials in, as a worker. */
  get birth(): WorkerBirth {
    return { version: 1, slot: 0, worker: 0, token: this.#token, linkPaths: [this.#linkPath], travels: false };
  }

  open(request: ListenRequest): AheadAnswer {
    return this.#ask({ type: 'open', request }) as AheadAnswer;
  }

  close(listener: number): void {
    this.#ask({ type: 'close', listener });
  }

  get #linkPath(): string {
    return join(this.#folder, 'link-0.sock');
  }

  #ask(question: DeskQuestion): unknown {
    this.#port ??= this.#start();
    Atomics.store(this.#signal, 0, 0);
    this.#port.postMessage(question);
    Atomics.wait(this.#signal, 0, 0, ANSWER_LIMIT_MS);
    const answer = receiveMessageOnPort(this.#port);
    if (answer === undefined) throw new Error('evener/loopback: the balancer thread does not answer');
    return answer.message;
  }

  #start(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const birth: LoopbackBirth = { linkPath: this.#linkPath, token: this.#token, port: port2, signal: this.#signal };
    const worker = new Worker(ownFile('loopback/balancer-thread.js'), {
      workerData: birth,
      transferList: [port2],
      name: 'evener-loopback',
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    // It is there as long as the app's servers want it, and no longer: the link to it counts, not the thread.
    worker.unref();
    worker.on('error', (error) => {
      throw error;
    });
    return port1;
  }
}
