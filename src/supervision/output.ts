import type { Readable, Writable } from 'node:stream';

/** A line longer than this is passed on in parts. */
const MAX_LINE_BYTES = 64 * 1024;
/** What a worker writes before it is ready is held back up to this much. */
const MAX_HELD_BYTES = 256 * 1024;
/** Lines kept for the report of a crash. */
const TAIL_LINES = 50;
const MAX_TAIL_LINE_LENGTH = 1000;
const NEWLINE = 10;

/** What Node prints on stderr when its inspector opens and closes. */
const INSPECTOR_ADDRESS = /^Debugger listening on (ws:\/\/\S+)$/;
const INSPECTOR_LINE =
  /^(Debugger listening on ws:|For help, see: https:\/\/nodejs\.org\/|Debugger attached\.$|Debugger ending on ws:|Waiting for the debugger to disconnect\.\.\.$)/;
/** It opens a second time when the loop of a blocked process turns again; what is the app's own after that is passed on. */
const INSPECTOR_LINES = 10;

/** One of our own output streams, shared by all workers. When it is blocked their streams are paused, not buffered. */
export class OutputSink {
  readonly #stream: Writable;
  /** Whether lines begin with their worker's number; dim where colour is allowed. */
  readonly #prefix: 'none' | 'plain' | 'dim';
  readonly #paused = new Set<Readable>();
  #broken = false;

  constructor(stream: Writable & { readonly isTTY?: boolean }, noColor: boolean) {
    this.#stream = stream;
    this.#prefix = stream.isTTY !== true ? 'none' : noColor ? 'plain' : 'dim';
    // EPIPE: whoever read our output has gone. The workers go on; what they write is dropped.
    stream.on('error', () => {
      this.#broken = true;
      this.#resume();
    });
    stream.on('drain', () => this.#resume());
  }

  /** @param lines whole lines, or the end of a stream */
  write(label: string, lines: Buffer, source: Readable): void {
    if (this.#broken || lines.length === 0) return;
    const bytes = this.#prefix === 'none' ? lines : this.#prefixed(label, lines);
    if (this.#stream.write(bytes) || this.#paused.has(source)) return;
    this.#paused.add(source);
    source.pause();
  }

  #resume(): void {
    for (const source of this.#paused) source.resume();
    this.#paused.clear();
  }

  #prefixed(label: string, lines: Buffer): Buffer {
    const mark = Buffer.from(this.#prefix === 'dim' ? `\x1b[2m${label} |\x1b[22m ` : `${label} | `);
    const parts: Buffer[] = [];
    for (let from = 0; from < lines.length; ) {
      const newline = lines.indexOf(NEWLINE, from);
      const to = newline === -1 ? lines.length : newline + 1;
      parts.push(mark, lines.subarray(from, to));
      from = to;
    }
    // On a terminal a line without its end would swallow the next one's prefix.
    if (lines[lines.length - 1] !== NEWLINE) parts.push(Buffer.of(NEWLINE));
    return Buffer.concat(parts);
  }
}

/**
 * What one worker writes. Lines are passed on whole, so that those of two workers never mix. Until it is released the
 * output is held back: a worker that dies at boot says the same as its brothers, which is worth saying once.
 */
export class WorkerOutput {
  /** Resolves when both streams have ended. */
  readonly ended: Promise<void>;
  readonly #label: string;
  readonly #tail: string[] = [];
  /** Hears of whole lines as they come, whatever is done with them. */
  tap: ((stream: 'stdout' | 'stderr', lines: Buffer) => void) | null = null;
  #held: { sink: OutputSink; lines: Buffer; source: Readable }[] = [];
  #heldBytes = 0;
  #mode: 'hold' | 'pass' | 'drop' = 'hold';
  /** Lines about the inspector that are still to be taken out. */
  #inspectorLines = 0;
  #onInspector: (url: string) => void = () => {};

  constructor(label: string, out: Readable, outSink: OutputSink, err: Readable, errSink: OutputSink) {
    this.#label = label;
    this.ended = Promise.all([this.#follow('stdout', out, outSink), this.#follow('stderr', err, errSink)]).then(
      () => {},
    );
  }

  /** The last lines of both streams, oldest first. At most 50. */
  get tail(): readonly string[] {
    return this.#tail;
  }

  /** All that is held back, as text. */
  get heldText(): string {
    return Buffer.concat(this.#held.map((part) => part.lines)).toString();
  }

  /** Passes on what was held back, and all that follows at once. */
  release(): void {
    if (this.#mode !== 'hold') return;
    this.#mode = 'pass';
    for (const { sink, lines, source } of this.#held) sink.write(this.#label, lines, source);
    this.#held = [];
  }

  /** Drops what was held back, and all that follows. No effect once it was released. */
  drop(): void {
    if (this.#mode !== 'hold') return;
    this.#mode = 'drop';
    this.#held = [];
  }

  /**
   * We are about to have the process open its inspector: what Node prints of that is taken out.
   * @param onOpen hears where it is reached
   */
  expectInspector(onOpen: (url: string) => void): void {
    this.#inspectorLines = INSPECTOR_LINES;
    this.#onInspector = onOpen;
  }

  #follow(stream: 'stdout' | 'stderr', source: Readable, sink: OutputSink): Promise<void> {
    let rest: Buffer[] = [];
    let restBytes = 0;
    source.on('data', (chunk: Buffer) => {
      const newline = chunk.lastIndexOf(NEWLINE);
      if (newline === -1) {
        rest.push(chunk);
        restBytes += chunk.length;
        if (restBytes < MAX_LINE_BYTES) return;
        this.#pass(stream, Buffer.concat(rest), sink, source);
        rest = [];
      } else {
        this.#pass(stream, Buffer.concat([...rest, chunk.subarray(0, newline + 1)]), sink, source);
        rest = newline + 1 < chunk.length ? [chunk.subarray(newline + 1)] : [];
      }
      restBytes = rest[0]?.length ?? 0;
    });
    return new Promise((resolve) => {
      source.on('error', () => {});
      source.once('close', () => {
        if (rest.length > 0) this.#pass(stream, Buffer.concat(rest), sink, source);
        resolve();
      });
    });
  }

  #pass(stream: 'stdout' | 'stderr', written: Buffer, sink: OutputSink, source: Readable): void {
    const lines = this.#inspectorLines > 0 ? this.#withoutInspector(written) : written;
    if (lines.length === 0) return;
    this.#remember(lines);
    this.tap?.(stream, lines);
    if (this.#mode === 'pass') sink.write(this.#label, lines, source);
    if (this.#mode !== 'hold') return;
    this.#held.push({ sink, lines, source });
    this.#heldBytes += lines.length;
    if (this.#heldBytes > MAX_HELD_BYTES) this.release();
  }

  #withoutInspector(lines: Buffer): Buffer {
    const kept = lines
      .toString('latin1')
      .split('\n')
      .filter((line) => {
        if (this.#inspectorLines === 0 || !INSPECTOR_LINE.test(line)) return true;
        this.#inspectorLines--;
        const url = INSPECTOR_ADDRESS.exec(line)?.[1];
        if (url !== undefined) this.#onInspector(url);
        return false;
      });
    return Buffer.from(kept.join('\n'), 'latin1');
  }

  #remember(lines: Buffer): void {
    // Only the end of a large piece can be among the last lines.
    const text = lines.subarray(-TAIL_LINES * MAX_TAIL_LINE_LENGTH).toString();
    for (const line of text.replace(/\n$/, '').split('\n').slice(-TAIL_LINES)) {
      this.#tail.push(line.slice(0, MAX_TAIL_LINE_LENGTH));
    }
    this.#tail.splice(0, this.#tail.length - TAIL_LINES);
  }
}
