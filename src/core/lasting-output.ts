import { fstatSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';

const LINE_END = Buffer.from('\n');

/**
 * One of our own output streams, such that a disk that was full does not end it: of a file Node's stream writes nothing
 * more once a write has failed, though there be room again. What cannot be written is dropped.
 */
export function lastingOutput(
  stream: NodeJS.WriteStream & { readonly fd: number },
): Writable & { readonly isTTY?: boolean } {
  return isFile(stream.fd) ? new FileOutput(stream.fd) : stream;
}

/** Writes at once, as Node does to files. */
class FileOutput extends Writable {
  readonly #fd: number;
  /** The last that was written is the beginning of a line whose rest was dropped. */
  #isCut = false;

  constructor(fd: number) {
    super({ decodeStrings: true });
    this.#fd = fd;
  }

  override _write(lines: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const bytes = this.#isCut ? Buffer.concat([LINE_END, lines]) : lines;
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at);
      this.#isCut = false;
    } catch {
      if (at > 0) this.#isCut = bytes[at - 1] !== LINE_END[0];
    }
    done();
  }
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
