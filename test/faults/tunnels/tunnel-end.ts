import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../../../src/core/rng.ts';
import { cut } from '../bodies/cuts.ts';
import { Part, PatternCheck, patternOf } from '../bodies/pattern.ts';
import { spread } from '../bodies/plan.ts';
import type { TunnelPlan } from './plan.ts';
import { FrameParser, frameOf } from './web-socket-frames.ts';

/** What a slow end takes for all that it sends. */
const SLOW_MS = 1_500;

/** How an end of a tunnel has seen it go. */
export interface Seen {
  /** All of what the other end sends has come, and then its end. */
  readonly isWhole: boolean;
  /** In words. */
  readonly extent: string;
  /** It was said goodbye to with this status; 0 = it was not. */
  readonly goodbye: number;
  /** Bytes that are not as they have to be, or an end that looks as if it were right. */
  readonly wrong: string | null;
}

/** One end of a tunnel: sends its part of the pattern, and compares what comes. */
export class TunnelEnd {
  readonly #socket: Duplex;
  readonly #plan: TunnelPlan;
  readonly #side: 'client' | 'app';
  readonly #rng: Rng;
  readonly #check: PatternCheck;
  readonly #frames: FrameParser;
  #wrong: string | null = null;
  #goodbye = 0;
  #hasSent = false;
  #hasEnded = false;
  #hasSeenEnd = false;
  #isWhole = false;

  /** @param onClosed hears once, when the socket has closed */
  constructor(socket: Duplex, plan: TunnelPlan, side: 'client' | 'app', onClosed: (seen: Seen) => void) {
    this.#socket = socket;
    this.#plan = plan;
    this.#side = side;
    this.#rng = spread(plan.seed + (side === 'client' ? 0 : 1));
    const received = side === 'client' ? ([Part.Download, plan.down] as const) : ([Part.Upload, plan.up] as const);
    this.#check = new PatternCheck(received[0], plan.id, received[1]);
    this.#frames = new FrameParser(
      (payload) => this.#compare(payload),
      (code) => this.#dismissed(code),
    );
    socket.on('end', () => this.#ended());
    socket.on('error', () => {});
    socket.once('close', () => {
      onClosed({ isWhole: this.#isWhole, extent: this.#extent, goodbye: this.#goodbye, wrong: this.#wrong });
    });
  }

  get #extent(): string {
    return `${this.#check.received} bytes${this.#hasSeenEnd ? ' and the end' : ''}`;
  }

  /** Sends its part, and ends when it is to. */
  async send(): Promise<void> {
    const { id, isWebSocket, up, down, leaver, isSlow } = this.#plan;
    const part = this.#side === 'client' ? patternOf(Part.Upload, id, up) : patternOf(Part.Download, id, down);
    const rng = this.#rng;
    const bytes = isWebSocket ? Buffer.concat(cut(part, rng).map((piece) => frameOf(piece))) : part;
    const pieces = cut(bytes, rng);
    const isCareful = rng.below(2) === 0;
    const leavesAfter = leaver === this.#side ? rng.below(pieces.length + 1) : Number.POSITIVE_INFINITY;
    for (const [index, piece] of pieces.entries()) {
      if (index === leavesAfter) break;
      if (this.#goodbye !== 0 || this.#socket.destroyed) return;
      const hasRoom = this.#socket.write(piece);
      if (!hasRoom && isCareful) await this.#drain();
      else if (isSlow) await sleep(SLOW_MS / pieces.length);
      else if (rng.below(30) === 0) await sleep(rng.below(8));
    }
    if (leaver === this.#side) {
      await sleep(rng.below(20));
      this.#socket.destroy();
      return;
    }
    this.#hasSent = true;
    this.#endIfDue();
  }

  /** What came. */
  take(bytes: Buffer): void {
    if (this.#wrong !== null || this.#goodbye !== 0) return;
    try {
      if (this.#plan.isWebSocket) this.#frames.push(bytes);
      else this.#compare(bytes);
    } catch (error) {
      this.#wrong = (error as Error).message;
    }
    if (this.#plan.pausing !== this.#side || this.#rng.below(3) > 0) return;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), this.#rng.below(60));
  }

  #compare(bytes: Buffer): void {
    this.#wrong ??= this.#check.take(bytes);
  }

  /** A close frame: nothing follows it. It is not answered, for what this end sends may be within a frame. */
  #dismissed(code: number): void {
    this.#goodbye = code;
    if (this.#hasEnded || this.#socket.destroyed) return;
    this.#hasEnded = true;
    this.#socket.end();
  }

  #ended(): void {
    this.#hasSeenEnd = true;
    this.#isWhole = this.#check.isWhole && this.#frames.isBetween && this.#wrong === null;
    this.#endIfDue();
  }

  /** The side that waits for the other's end has it, or does not wait. */
  #endIfDue(): void {
    const { ender } = this.#plan;
    const isDue = this.#hasSent && (ender === 'both' || ender === this.#side || this.#hasSeenEnd);
    if (!isDue || this.#hasEnded || this.#socket.destroyed) return;
    this.#hasEnded = true;
    this.#socket.end();
  }

  #drain(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const goOn = (): void => {
        socket.off('drain', goOn).off('close', goOn);
        resolve();
      };
      socket.on('drain', goOn).on('close', goOn);
    });
  }
}
