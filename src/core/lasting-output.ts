import { fstatSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';

const LINE_END = Buffer.from('\n');
/**
 * Files that end with the beginning of a line whose rest was dropped, by device and inode: stdout and stderr may both go
 * to one.
 */
const cutFiles = new Set<string>();

/**
 * One of our own output streams, such that a disk that was full does not end it: of a file Node's stream writes nothing
 * more once a write has failed, though there be room again. What cannot be written is dropped.
 */
export function lastingOutput(
  stream: NodeJS.WriteStream & { readonly fd: number },
): Writable & { readonly isTTY?: boolean } {
  const file = fileOf(stream.fd);
  return file === null ? stream : new FileOutput(stream.fd, file);
}

/** Writes at once, as Node does to files. */
class FileOutput extends Writable {
  readonly #fd: number;
  readonly #file: string;

  constructor(fd: number, file: string) {
    super({ decodeStrings: true });
    this.#fd = fd;
    this.#file = file;
  }

  override _write(lines: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const bytes = cutFiles.has(this.#file) ? Buffer.concat([LINE_END, lines]) : lines;
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at);
    } catch {
      // A whole line is lost, or the rest of one.
    }
    if (at > 0 && at < bytes.length && bytes[at - 1] !== LINE_END[0]) cutFiles.add(this.#file);
    else if (at > 0) cutFiles.delete(this.#file);
    done();
  }
}

/** null = it is no file. */
function fileOf(fd: number): string | null {
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? `${stat.dev}:${stat.ino}` : null;
  } catch {
    return null;
  }
}
