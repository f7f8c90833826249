import net from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Rng } from '../../../src/core/rng.ts';
import { AnswerReader, type WholeAnswer } from './answer-reader.ts';
import { cut } from './cuts.ts';
import { nameOf } from './pattern.ts';
import { chanceOf, type Plan } from './plan.ts';
import { requestBytes } from './request-bytes.ts';
import { watchSilence } from './silence.ts';

/** How a request ended. */
export type Ending =
  /** By a whole answer, every byte as it has to be. */
  | 'answered'
  /** By a whole answer of Evener's own. */
  | 'refused'
  /** The connection ended before the answer did. */
  | 'cut'
  /** The connection ended behind an answer before it, and it was never begun. */
  | 'unbegun'
  /** The client left. */
  | 'left';

export interface Ended {
  readonly plan: Plan;
  /** What was sent before it on the same connection. */
  readonly behind: Plan | null;
  readonly ending: Ending;
  /** 0 = none came. */
  readonly status: number;
  /** Monotonic ms. */
  readonly sentAtMs: number;
  readonly endedAtMs: number;
}

interface Sent {
  readonly plan: Plan;
  readonly behind: Plan | null;
  readonly sentAtMs: number;
}

/** Requests that are sent before the first of them is answered. */
const MAX_PIPELINED = 6;

/** How a client goes about it. */
export type Manner =
  /** A bit of everything. */
  | 'mixed'
  /** Asks for much, and reads it late. */
  | 'sluggish';

/** Requests over one connection, and the answers to them, of which every byte is compared. */
export class BodyClient {
  readonly ended: Ended[] = [];
  readonly #socket: net.Socket;
  readonly #rng: Rng;
  readonly #manner: Manner;
  readonly #reader: AnswerReader;
  readonly #waiting: Sent[] = [];
  #lastSent: Plan | null = null;
  /** Why there is more on this connection than there may be, or less. */
  #wrong: string | null = null;
  /** What ended the connection at our end, or was told to by the last answer. */
  #isLeaving = false;
  #isClosing = false;
  #isClosed = false;
  #wake: () => void = () => {};
  /** Bytes to be read until it rests, or leaves. */
  #untilRest = Number.POSITIVE_INFINITY;
  #untilLeft = Number.POSITIVE_INFINITY;

  constructor(url: string, rng: Rng, manner: Manner) {
    const { port } = new URL(url);
    this.#manner = manner;
    this.#rng = rng;
    this.#reader = new AnswerReader({
      awaited: () => this.#waiting[0]?.plan ?? null,
      onAnswer: (answer) => this.#answered(answer),
    });
    this.#socket = net.connect({ host: '127.0.0.1', port: Number(port) });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#socket.on('end', () => this.#attempt(() => this.#reader.end()));
    this.#socket.on('drain', () => this.#wake());
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#closed());
  }

  get wrong(): string | null {
    return this.#wrong;
  }

  /** Sends requests, a few at a time, until there are enough or the connection ends. Resolves when each has had its end. */
  async run(draw: () => Plan, isOver: () => boolean): Promise<void> {
    const watch = this.#watch();
    try {
      for (let batches = 1 + this.#rng.below(12); batches > 0 && !isOver() && !this.#isClosed; batches--) {
        const plans = Array.from({ length: this.#drawCount() }, draw);
        this.#drawConduct();
        await this.#send(plans);
        await this.#until(() => this.#waiting.length === 0);
        if (this.#rng.below(10) === 0) await sleep(this.#rng.below(50));
      }
    } finally {
      clearInterval(watch);
      this.#isLeaving = true;
      this.#socket.destroy();
      await this.#until(() => false);
    }
  }

  #drawCount(): number {
    if (this.#manner === 'sluggish') return MAX_PIPELINED;
    return this.#rng.below(2) === 0 ? 1 : 1 + this.#rng.below(MAX_PIPELINED);
  }

  /** Whether it is slow to read, and whether it leaves in the middle. */
  #drawConduct(): void {
    const rng = this.#rng;
    this.#untilRest =
      this.#manner === 'sluggish' ? 1 : rng.below(4) === 0 ? rng.below(100_000) : Number.POSITIVE_INFINITY;
    this.#untilLeft = rng.below(12) === 0 ? rng.below(rng.below(2) === 0 ? 2_000 : 200_000) : Number.POSITIVE_INFINITY;
  }

  async #send(plans: readonly Plan[]): Promise<void> {
    const requests = plans.map((plan) => requestBytes(plan, chanceOf(plan, 3)));
    const nowMs = performance.now();
    for (const plan of plans) {
      this.#waiting.push({ plan, behind: this.#lastSent, sentAtMs: nowMs });
      this.#lastSent = plan;
    }
    const rng = this.#rng;
    const bytes = Buffer.concat(requests);
    if (rng.below(25) === 0) {
      // It leaves in the middle of what it sends.
      await this.#write(cut(bytes.subarray(0, rng.below(bytes.length)), rng), 0);
      if (rng.below(2) === 0) await sleep(rng.below(10));
      this.#leave();
      return;
    }
    await this.#write(rng.below(2) === 0 ? [bytes] : cut(bytes, rng), rng.below(3));
  }

  /** @param rests now and then it waits for so many ms between two writes */
  async #write(pieces: readonly Buffer[], rests: number): Promise<void> {
    for (const piece of pieces) {
      if (this.#isClosed || this.#socket.destroyed) return;
      if (!this.#socket.write(piece)) await this.#until(() => !this.#socket.writableNeedDrain);
      else if (rests > 0 && this.#rng.below(20) === 0) await sleep(rests);
      else if (rests > 0) await turn();
    }
  }

  #read(bytes: Buffer): void {
    this.#untilLeft -= bytes.length;
    if (this.#untilLeft <= 0) {
      this.#leave();
      return;
    }
    this.#attempt(() => this.#reader.push(bytes));
    this.#untilRest -= bytes.length;
    if (this.#untilRest > 0 || this.#isClosed) return;
    this.#untilRest = this.#rng.below(3) === 0 ? this.#rng.below(100_000) : Number.POSITIVE_INFINITY;
    this.#socket.pause();
    const ms = this.#manner === 'sluggish' ? 400 : 250;
    setTimeout(() => this.#socket.resume(), 5 + this.#rng.below(ms));
  }

  #attempt(act: () => void): void {
    // A stream that was destroyed may still say that it has ended.
    if (this.#wrong !== null || this.#isLeaving) return;
    try {
      act();
    } catch (error) {
      this.#wrong = `${(error as Error).message}; ${JSON.stringify(this.#waiting[0]?.plan)}`;
      this.#leave();
    }
  }

  #leave(): void {
    this.#isLeaving = true;
    this.#socket.destroy();
    this.#wake();
  }

  #answered({ status, closes }: WholeAnswer): void {
    if (closes) this.#isClosing = true;
    this.#end(this.#waiting.shift()!, status >= 400 ? 'refused' : 'answered', status);
    this.#wake();
  }

  #closed(): void {
    this.#isClosed = true;
    const isToldBefore = this.#isClosing && !this.#reader.isWithin;
    for (const [i, sent] of this.#waiting.splice(0).entries()) {
      this.#end(sent, this.#isLeaving ? 'left' : i > 0 || isToldBefore ? 'unbegun' : 'cut', 0);
    }
    this.#wake();
  }

  #end(sent: Sent, ending: Ending, status: number): void {
    this.ended.push({ ...sent, ending, status, endedAtMs: performance.now() });
  }

  /** Waits for this, or for the end of the connection. */
  async #until(condition: () => boolean): Promise<void> {
    while (!this.#isClosed && !condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #watch(): NodeJS.Timeout {
    const isAwaiting = (): boolean => this.#waiting.length > 0;
    return watchSilence(this.#socket, isAwaiting, (what) => {
      const names = this.#waiting.map(({ plan }) => `${plan.method} ${nameOf(plan.id)}`);
      this.#wrong ??= `${what}; waiting: ${names.join(', ')}`;
      this.#leave();
    });
  }
}
