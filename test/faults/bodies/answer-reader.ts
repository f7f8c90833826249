import { TRAILER_BYTES } from './answer.ts';
import { wrongFields } from './fields.ts';
import { nameOf, ownerOf, Part, PatternCheck } from './pattern.ts';
import type { Plan } from './plan.ts';

/** An answer that came to the end of its framing. */
export interface WholeAnswer {
  readonly status: number;
  /** It said that the connection will be closed. */
  readonly closes: boolean;
}

export interface AnswerEvents {
  /** The request that is to be answered now; null = none waits. */
  awaited(): Plan | null;
  onAnswer(answer: WholeAnswer): void;
}

/** What may come next. */
type State = 'head' | 'length' | 'chunk' | 'chunk-data' | 'chunk-end' | 'trailers' | 'until-close';

const NOTHING = Buffer.alloc(0);

/** No head, and no chunk's line, is longer. */
const MAX_LINES = 64 * 1024;

/**
 * Reads the answers of one connection as they come in, in whatever pieces, and compares every byte with what it has to be.
 * It is a parser of its own, since it judges those of Evener.
 */
export class AnswerReader {
  readonly #events: AnswerEvents;
  #state: State = 'head';
  #rest: Buffer = NOTHING;
  /** Of the body or of the chunk. */
  #remaining = 0;
  #status = 0;
  #closes = false;
  /** Of an answer of Evener's own nothing is known, but that it holds nobody's bytes. */
  #check: PatternCheck | null = null;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** Some of an answer has come, but not all. */
  get isWithin(): boolean {
    return this.#state !== 'head' || this.#rest.length > 0;
  }

  /** @throws when something is not as it has to be */
  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length > 0 && this.#step());
  }

  /**
   * The server has finished sending. A body that ends with that and is too short stays unfinished: a reset together with the
   * last of what came before it looks like an end to Node. @throws as before
   */
  end(): void {
    if (this.#state === 'until-close' && this.#check?.isWhole !== false) this.#whole();
  }

  /** @returns false when more is needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#takeHead();
      case 'chunk': {
        const line = this.#takeLines('\r\n');
        if (line === null) return false;
        if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`${this.#name()} has a chunk of the size ${told(line)}`);
        this.#remaining = Number.parseInt(line, 16);
        this.#state = this.#remaining === 0 ? 'trailers' : 'chunk-data';
        return true;
      }
      case 'chunk-end': {
        if (this.#rest.length < 2) return false;
        const end = this.#take(2).toString('latin1');
        if (end !== '\r\n') throw new Error(`${this.#name()} has a chunk that ends with ${told(end)}`);
        this.#state = 'chunk';
        return true;
      }
      case 'trailers':
        return this.#takeTrailers();
      case 'until-close':
        this.#compare(this.#take(this.#rest.length));
        return true;
      default: {
        const piece = this.#take(Math.min(this.#remaining, this.#rest.length));
        this.#remaining -= piece.length;
        this.#compare(piece);
        if (this.#remaining > 0) return true;
        if (this.#state === 'length') this.#whole();
        else this.#state = 'chunk-end';
        return true;
      }
    }
  }

  #takeHead(): boolean {
    const plan = this.#events.awaited();
    if (plan === null) throw new Error(`bytes that nobody asked for: ${told(this.#rest.toString('latin1', 0, 200))}`);
    const head = this.#takeLines('\r\n\r\n');
    if (head === null) return false;
    const [statusLine, ...lines] = head.split('\r\n');
    this.#status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine!)?.[1]);
    if (!(this.#status >= 100)) throw new Error(`in place of a head ${this.#name()} begins with ${told(head)}`);
    const fields = fieldsOf(lines);
    this.#checkHead(plan, fields);
    if (this.#status < 200) return true;
    this.#closes = /\bclose\b/i.test(fields.get('connection') ?? '');
    const part = plan.way === 'echo' ? Part.Upload : Part.Download;
    this.#check = this.#status >= 400 ? null : new PatternCheck(part, plan.id, plan.download);
    this.#beginBody(plan, fields);
    return true;
  }

  #checkHead(plan: Plan, fields: ReadonlyMap<string, string>): void {
    if (this.#status === 100 && plan.expectsContinue) return;
    // Evener's own.
    if (this.#status >= 400 && !fields.has('x-id')) return;
    const isInterim = this.#status === 103 && plan.hasHints;
    if (!isInterim && this.#status !== plan.status) throw new Error(`${this.#name()} has status ${this.#status}`);
    if (fields.get('x-id') !== nameOf(plan.id)) throw new Error(`${this.#name()} is that of ${fields.get('x-id')}`);
    if (isInterim) return;
    const wrong = wrongFields(Part.ResponseHead, plan.id, plan.responseHead, (name) => fields.get(name));
    if (wrong !== null) throw new Error(wrong);
    const length = fields.get('content-length');
    if (plan.status === 200 && length !== undefined && Number(length) !== plan.download) {
      throw new Error(`${this.#name()} says that it has ${length} of ${plan.download} bytes`);
    }
  }

  #beginBody(plan: Plan, fields: ReadonlyMap<string, string>): void {
    const length = fields.get('content-length');
    if (plan.method === 'HEAD' || this.#status === 204 || this.#status === 304) {
      this.#check = null;
      this.#whole();
    } else if (fields.get('transfer-encoding') === 'chunked') {
      this.#state = 'chunk';
    } else if (length !== undefined) {
      this.#remaining = Number(length);
      this.#state = 'length';
      if (this.#remaining === 0) this.#whole();
    } else {
      this.#closes = true;
      this.#state = 'until-close';
    }
  }

  #takeTrailers(): boolean {
    const isEmpty = this.#rest.length >= 2 && this.#rest.toString('latin1', 0, 2) === '\r\n';
    const lines = isEmpty ? this.#takeLines('\r\n') : this.#takeLines('\r\n\r\n');
    if (lines === null) return false;
    const plan = this.#events.awaited()!;
    if (plan.way === 'trailers' && this.#check !== null) {
      const fields = fieldsOf(lines.split('\r\n'));
      const wrong = wrongFields(Part.Trailer, plan.id, TRAILER_BYTES, (name) => fields.get(name));
      if (wrong !== null) throw new Error(wrong);
    } else if (lines !== '') {
      throw new Error(`${this.#name()} has a trailer that it was not to have: ${told(lines)}`);
    }
    this.#whole();
    return true;
  }

  #compare(piece: Buffer): void {
    if (this.#check !== null) {
      const wrong = this.#check.take(piece);
      if (wrong !== null) throw new Error(wrong);
      return;
    }
    const owner = ownerOf(piece);
    if (owner !== null) throw new Error(`${this.#name()} is Evener's own and yet holds ${owner}`);
  }

  #whole(): void {
    const missing = this.#check?.end() ?? null;
    if (missing !== null) throw new Error(missing);
    this.#state = 'head';
    this.#check = null;
    this.#events.onAnswer({ status: this.#status, closes: this.#closes });
  }

  /** Up to this ending, without it. null = it has not come. */
  #takeLines(ending: string): string | null {
    const end = this.#rest.indexOf(ending);
    if (end === -1) {
      if (this.#rest.length > MAX_LINES) throw new Error(`${this.#name()} has a line without an end`);
      return null;
    }
    return this.#take(end + ending.length).toString('latin1', 0, end);
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  #name(): string {
    const plan = this.#events.awaited();
    return plan === null ? 'an answer to nothing' : `the answer to ${plan.method} ${nameOf(plan.id)}`;
  }
}

/** Names in lower case. */
function fieldsOf(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

function told(text: string): string {
  return JSON.stringify(text.slice(0, 300));
}
