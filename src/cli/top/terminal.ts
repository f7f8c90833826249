import type { ReadStream, WriteStream } from 'node:tty';

const ALTERNATE_SCREEN = '\x1b[?1049h\x1b[?25l';
const ORDINARY_SCREEN = '\x1b[?25h\x1b[?1049l';
/** Ctrl-C arrives as a key while the terminal is raw; these still come from outside. */
const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;

/** What a live view is shown on. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
  /** Calls back with what was typed: a letter, or the escape sequence of a key. */
  onKey(listener: (key: string) => void): void;
  onResize(listener: () => void): void;
  /** As it was before. */
  restore(): void;
}

/** The terminal that the command runs in, raw and on its alternate screen until it is restored, however we end. */
export class OwnTerminal implements Terminal {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  #isRestored = false;

  constructor(input: ReadStream, output: WriteStream) {
    this.#input = input;
    this.#output = output;
    output.write(ALTERNATE_SCREEN);
    input.setRawMode(true);
    input.resume();
    process.once('exit', this.#restore);
    for (const signal of SIGNALS) process.once(signal, this.#end);
  }

  get columns(): number {
    return this.#output.columns;
  }

  get rows(): number {
    return this.#output.rows;
  }

  write(text: string): void {
    this.#output.write(text);
  }

  onKey(listener: (key: string) => void): void {
    this.#input.on('data', (bytes: Buffer) => {
      for (const key of keysOf(bytes.toString())) listener(key);
    });
  }

  onResize(listener: () => void): void {
    this.#output.on('resize', listener);
  }

  restore(): void {
    this.#restore();
    this.#input.pause();
    process.off('exit', this.#restore);
    for (const signal of SIGNALS) process.off(signal, this.#end);
  }

  readonly #restore = (): void => {
    if (this.#isRestored) return;
    this.#isRestored = true;
    this.#input.setRawMode(false);
    this.#output.write(ORDINARY_SCREEN);
  };

  readonly #end = (): void => {
    this.#restore();
    process.exit(1);
  };
}

/** Keys that were typed ahead arrive together; an escape sequence is one key. */
export function keysOf(text: string): string[] {
  return [...text.matchAll(/\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|./gsu)].map(([key]) => key);
}

/** Draws whole screens, and writes only the lines that have changed: nothing flickers, and a slow line has little to do. */
export class Screen {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  draw(lines: readonly string[]): void {
    const changed = lines.flatMap((line, at) =>
      line === this.#lines[at] ? [] : [`\x1b[${at + 1};1H${line}\x1b[0m\x1b[K`],
    );
    this.#lines = lines;
    // Taken as one by terminals that know it (mode 2026), and ignored by others.
    if (changed.length > 0) this.#terminal.write(`\x1b[?2026h${changed.join('')}\x1b[?2026l`);
  }

  /** The terminal has another size: nothing of what it showed counts. */
  reset(): void {
    this.#lines = [];
    this.#terminal.write('\x1b[2J');
  }
}
