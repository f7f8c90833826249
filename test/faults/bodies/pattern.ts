/** What a byte is a part of. */
export const Part = {
  RequestHead: 'h',
  Upload: 'u',
  RequestTrailer: 'q',
  ResponseHead: 'r',
  Download: 'd',
  Trailer: 't',
};
export type Part = (typeof Part)[keyof typeof Part];

const NAMES: Readonly<Record<Part, string>> = {
  h: 'request head',
  u: 'upload',
  q: 'request trailer',
  r: 'response head',
  d: 'download',
  t: 'trailer',
};

/** `<d00000z@00001f>`: the part, the request in base 36, the cell's number in hexadecimal. */
const CELL_BYTES = 16;
const CELL = /<([huqrdt])([0-9a-z]{6})@([0-9a-f]{6})>/g;

/** The cells of nobody, as many as were ever needed. */
let template: Buffer = Buffer.alloc(0);

/** So many bytes of which each says whose it is, and which: those of another part or request, or from elsewhere, are recognised. */
export function patternOf(part: Part, id: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Math.ceil(length / CELL_BYTES) * CELL_BYTES);
  if (template.length < bytes.length) template = templateOf(bytes.length);
  template.copy(bytes);
  const mark = Buffer.from(part + nameOf(id), 'latin1');
  for (let at = 1; at < bytes.length; at += CELL_BYTES) {
    for (let i = 0; i < mark.length; i++) bytes[at + i] = mark[i]!;
  }
  return bytes.subarray(0, length);
}

/** A request as it is told of, and as it stands in its pattern. */
export function nameOf(id: number): string {
  return id.toString(36).padStart(6, '0');
}

/** Whose a piece is: of the first whole cell in it that ends behind `at`. null = nobody's. */
export function ownerOf(piece: Buffer, at: number = 0): string | null {
  for (const match of piece.toString('latin1').matchAll(CELL)) {
    if (match.index + CELL_BYTES <= at) continue;
    const [, part, id, cell] = match;
    const offset = Number.parseInt(cell!, 16) * CELL_BYTES + at - match.index;
    return `byte ${offset} of the ${NAMES[part!]} of ${id}`;
  }
  return null;
}

/** Compares what comes, piece by piece, with what has to come. */
export class PatternCheck {
  readonly #part: Part;
  readonly #id: number;
  readonly #expected: Buffer;
  #at = 0;

  constructor(part: Part, id: number, length: number) {
    this.#part = part;
    this.#id = id;
    this.#expected = patternOf(part, id, length);
  }

  /** @returns what is wrong with it, or null. */
  take(piece: Buffer): string | null {
    const expected = this.#expected.subarray(this.#at, this.#at + piece.length);
    const from = this.#at;
    this.#at += piece.length;
    if (expected.equals(piece)) return null;
    let at = 0;
    while (at < expected.length && expected[at] === piece[at]) at++;
    const what = `byte ${from + at} of ${this.#expected.length} of the ${NAMES[this.#part]} of ${nameOf(this.#id)}`;
    return `${what} is ${told(piece, at)}`;
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#at;
  }

  get isWhole(): boolean {
    return this.#at === this.#expected.length;
  }

  /** All has come. @returns what is missing, or null. */
  end(): string | null {
    const { length } = this.#expected;
    if (this.isWhole) return null;
    return `the ${NAMES[this.#part]} of ${nameOf(this.#id)} ended as if it were whole after ${this.#at} of ${length} bytes`;
  }
}

function told(piece: Buffer, at: number): string {
  const from = Math.max(0, at - CELL_BYTES + 1);
  const window = piece.subarray(from, at + 3 * CELL_BYTES);
  return ownerOf(window, at - from) ?? `nobody's: ${JSON.stringify(window.toString('latin1'))}`;
}

function templateOf(length: number): Buffer {
  let text = '';
  for (let cell = 0; cell * CELL_BYTES < length; cell++) text += `<.......@${cell.toString(16).padStart(6, '0')}>`;
  return Buffer.from(text, 'latin1');
}
