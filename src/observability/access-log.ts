import { randomBytes } from 'node:crypto';
import type { Outcome } from '../core/outcome.ts';
import {
  type LineSettings,
  type LoggedClient,
  type LoggedExchange,
  type LogRecord,
  lineOf,
  refusedExchange,
} from './access-line.ts';
import type { Counters } from './counters.ts';

/** Records are written down after so long, or when there are so many: about 64 KiB of lines. */
const FLUSH_MS = 200;
const FLUSH_RECORDS = 256;
/** Records that may wait for that, and bytes of lines that may wait for the disk. Beyond it they are dropped, and counted. */
const MAX_RECORDS = 16_384;
const MAX_PENDING_BYTES = 8 * 1024 * 1024;

/** Where lines go. */
export interface LogSink {
  /** Bytes that have been given to it and are not written yet. */
  readonly pendingBytes: number;
  write(lines: Buffer): void;
  /** Writes all that there is before it returns, as far as that can be done. */
  flush(): void;
  /** What it writes to may have been renamed. */
  reopen(): void;
  close(): void;
}

/**
 * The access log of one balancer thread. On the road of a request an object is put into a list; lines are made of them
 * when no request waits for it, and written by the batch.
 */
export class AccessLog {
  readonly #settings: LineSettings;
  readonly #sink: LogSink;
  readonly #counters: Counters;
  /** Ids are unique among threads and instances. */
  readonly #idPrefix: string = randomBytes(5).toString('hex');
  #nextId = 0;
  #records: LogRecord[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | null = null;
  #isFlushDue = false;

  constructor(settings: LineSettings, sink: LogSink, counters: Counters) {
    this.#settings = settings;
    this.#sink = sink;
    this.#counters = counters;
  }

  /** An exchange is over. @param nowMs monotonic */
  add(pool: string, exchange: LoggedExchange, nowMs: number): void {
    if (this.#records.length >= MAX_RECORDS) {
      this.#drop(1);
      return;
    }
    // Of a connection that is about to close the address is known now and not later.
    const { address } = exchange;
    this.#records.push({ pool, exchange, address, finishedAtMs: nowMs });
    if (this.#records.length >= FLUSH_RECORDS) this.#flushSoon();
    else if (this.#timer === null) this.#timer = setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  /** The log as one pool's requests see it. */
  forPool(pool: string): PoolLog {
    return new PoolLog(this, pool);
  }

  /** Writes down all that there is before it returns. */
  flush(): void {
    this.#flush();
    this.#sink.flush();
  }

  reopen(): void {
    this.#sink.reopen();
  }

  close(): void {
    this.flush();
    this.#sink.close();
  }

  /** After the requests that have come in this turn have been seen to. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isFlushDue = false;
    const records = this.#records;
    if (records.length === 0 && this.#dropped === 0) return;
    this.#records = [];
    if (this.#sink.pendingBytes > MAX_PENDING_BYTES) {
      this.#drop(records.length);
      return;
    }
    const epochMs = Date.now() - performance.now();
    let text = '';
    for (const record of records) {
      text += lineOf(record, this.#settings, epochMs, this.#idPrefix + (this.#nextId++).toString(36));
    }
    if (this.#dropped > 0) {
      text += droppedLine(this.#dropped, this.#settings.format);
      this.#dropped = 0;
    }
    this.#sink.write(Buffer.from(text));
  }

  #drop(count: number): void {
    this.#dropped += count;
    this.#counters.logDropped(count);
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }
}

/** Takes what one pool has to tell. */
export class PoolLog {
  readonly #log: AccessLog;
  readonly #pool: string;

  constructor(log: AccessLog, pool: string) {
    this.#log = log;
    this.#pool = pool;
  }

  finished(exchange: LoggedExchange, nowMs: number): void {
    this.#log.add(this.#pool, exchange, nowMs);
  }

  /** A request was refused before it could become an exchange. */
  refused(client: LoggedClient, outcome: Outcome, status: number, nowMs: number): void {
    this.#log.add(this.#pool, refusedExchange(client, outcome, status, nowMs), nowMs);
  }
}

/** A log that is not whole says so itself. */
function droppedLine(count: number, format: LineSettings['format']): string {
  const time = new Date().toISOString();
  return format === 'json'
    ? `${JSON.stringify({ time, dropped: count })}\n`
    : `# ${time} ${count} lines were dropped\n`;
}
