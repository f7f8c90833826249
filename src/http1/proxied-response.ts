import { equalsIgnoringCase } from './characters.ts';
import type { ResponseHead } from './response-head.ts';

/** What is done to one response's head beside taking out what was meant for our connection with the server. */
export interface ResponseRules {
  /** Upgrade stays, for it says what is asked of the client. */
  readonly keepsUpgrade: boolean;
  /** Load reports stay in the response. */
  readonly keepsLoad: boolean;
  /** It is the last head of its response, and tells its time: RFC 9110 section 6.6.1 has us put a Date in where none is. */
  readonly isDated: boolean;
  /** Lines to be put in, each with its CRLF. */
  readonly added: string;
}

/** Longest Keep-Alive time-out that is believed. s */
const MAX_KEEP_ALIVE_SECONDS = 3600;

/**
 * A response's head as a proxy sends it on (RFC 9110 section 7.6): changed where it lies, since nearly always lines are
 * only taken out, and moving what stands before them is cheaper than a copy of all. One object is used again and again.
 */
export class ProxiedResponse {
  /** Where the head now lies: the bytes given to {@link write}, or new ones. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  headEnd = 0;
  /** The head lies in front of its body, where it was read. */
  isInPlace = true;
  /** Seconds for which the server says it keeps the connection; -1 = it does not say. */
  keepAliveSeconds = -1;
  /** The server's load report: its `endpoint-load-metrics`, and the binary one; '' = none. */
  load = '';
  loadBinary = '';
  /** Names that Connection took out, in lower case: of trailers, too. null = none. */
  nominated: ReadonlySet<string> | null = null;

  readonly #dropped: Uint8Array;
  #lengths = 0;
  #hasDate = false;

  constructor(capacity: number) {
    this.#dropped = new Uint8Array(capacity);
  }

  /** @param head has just parsed [start, headEnd) of these bytes, and has noted all of its fields. */
  write(bytes: Buffer, start: number, headEnd: number, head: ResponseHead, rules: ResponseRules): void {
    this.keepAliveSeconds = -1;
    this.load = '';
    this.loadBinary = '';
    this.#lengths = 0;
    this.#hasDate = false;
    const { fields, fieldStarts, nameEnds } = head;
    const dropped = this.#dropped;
    let nominated: Set<string> | null = null;
    for (let i = 0; i < fields; i++) {
      const lineEnd = i + 1 < fields ? fieldStarts[i + 1]! : headEnd - 2;
      const nameStart = fieldStarts[i]!;
      const nameEnd = nameEnds[i]!;
      dropped[i] = this.#drops(bytes, nameStart, nameEnd, lineEnd - 2, rules) ? 1 : 0;
      if (nameEnd - nameStart === 10 && !isPlainConnection(bytes, nameEnd, lineEnd - 2)) {
        nominated = withNominated(nominated, bytes.latin1Slice(nameStart, lineEnd - 2));
      }
    }
    if (nominated !== null) this.#dropNominated(bytes, head, nominated);
    this.nominated = nominated;

    // RFC 9110 section 2.5: the version is that of the sender, which we are.
    bytes[start + 7] = 0x31;
    let to = headEnd - 2;
    let runEnd = to;
    for (let i = fields - 1; i >= 0; i--) {
      if (dropped[i] === 0) continue;
      const next = i + 1 < fields ? fieldStarts[i + 1]! : headEnd - 2;
      to -= runEnd - next;
      if (to !== next && runEnd > next) bytes.copyWithin(to, next, runEnd);
      runEnd = fieldStarts[i]!;
    }
    to -= runEnd - start;
    if (to !== start) bytes.copyWithin(to, start, runEnd);

    const added = rules.isDated && !this.#hasDate ? `${rules.added}${dateLine()}` : rules.added;
    this.isInPlace = added === '';
    if (this.isInPlace) {
      this.bytes = bytes;
      this.start = to;
      this.headEnd = headEnd;
    } else {
      this.bytes = Buffer.from(`${bytes.latin1Slice(to, headEnd - 2)}${added}\r\n`, 'latin1');
      this.start = 0;
      this.headEnd = this.bytes.length;
    }
  }

  #drops(bytes: Buffer, nameStart: number, nameEnd: number, end: number, rules: ResponseRules): boolean {
    const first = bytes[nameStart]! | 0x20;
    switch (nameEnd - nameStart) {
      case 2:
        return first === 0x74 && equalsIgnoringCase(bytes, nameStart, 'te');
      case 4:
        if (first === 0x64 && equalsIgnoringCase(bytes, nameStart, 'date')) this.#hasDate = true;
        return false;
      case 7:
        return first === 0x75 && equalsIgnoringCase(bytes, nameStart, 'upgrade') && !rules.keepsUpgrade;
      case 10:
        if (first === 0x63) return equalsIgnoringCase(bytes, nameStart, 'connection');
        if (first !== 0x6b || !equalsIgnoringCase(bytes, nameStart, 'keep-alive')) return false;
        this.#keepAlive(bytes.latin1Slice(nameEnd + 1, end));
        return true;
      case 14:
        if (first !== 0x63 || !equalsIgnoringCase(bytes, nameStart, 'content-length')) return false;
        // Said twice and the same: once is enough (RFC 9110 section 8.6).
        return ++this.#lengths > 1;
      case 16:
        return first === 0x70 && equalsIgnoringCase(bytes, nameStart, 'proxy-connection');
      case 21:
        if (first !== 0x65 || !equalsIgnoringCase(bytes, nameStart, 'endpoint-load-metrics')) return false;
        this.load = bytes.latin1Slice(nameEnd + 1, end).trim();
        return !rules.keepsLoad;
      case 25:
        if (first !== 0x65 || !equalsIgnoringCase(bytes, nameStart, 'endpoint-load-metrics-bin')) return false;
        this.loadBinary = bytes.latin1Slice(nameEnd + 1, end).trim();
        return !rules.keepsLoad;
      default:
        return false;
    }
  }

  #keepAlive(value: string): void {
    const timeout = /(?:^|[,;\s])timeout\s*=\s*(\d{1,9})/i.exec(value);
    if (timeout !== null) this.keepAliveSeconds = Math.min(Number(timeout[1]), MAX_KEEP_ALIVE_SECONDS);
  }

  #dropNominated(bytes: Buffer, head: ResponseHead, nominated: ReadonlySet<string>): void {
    for (let i = 0; i < head.fields; i++) {
      const name = bytes.latin1Slice(head.fieldStarts[i]!, head.nameEnds[i]!).toLowerCase();
      if (nominated.has(name)) this.#dropped[i] = 1;
    }
  }
}

export function dateLine(): string {
  return `Date: ${new Date().toUTCString()}\r\n`;
}

/** `: keep-alive` or `: close`, as nearly every server writes it: there is nothing to look for. */
function isPlainConnection(bytes: Buffer, colon: number, end: number): boolean {
  const length = end - colon - 2;
  return (
    (length === 10 && equalsIgnoringCase(bytes, colon + 2, 'keep-alive')) ||
    (length === 5 && equalsIgnoringCase(bytes, colon + 2, 'close'))
  );
}

/** Adds the field names that a Connection line names, if it is one. What frames the message cannot be named away. */
function withNominated(before: Set<string> | null, line: string): Set<string> | null {
  const colon = line.indexOf(':');
  if (line.slice(0, colon).toLowerCase() !== 'connection') return before;
  let names = before;
  for (const option of line.slice(colon + 1).split(',')) {
    const name = option.trim().toLowerCase();
    if (name === '' || name === 'keep-alive' || name === 'close' || name === 'upgrade') continue;
    if (name === 'content-length' || name === 'transfer-encoding') continue;
    names ??= new Set();
    names.add(name);
  }
  return names;
}

/** Trailers that are about the connection, or for us alone. Those that would frame or route are refused before. */
const NOT_PASSED = /^(?:connection|keep-alive|proxy-connection|te|trailer|upgrade|endpoint-load-metrics(?:-bin)?):/i;

/** Trailer lines as they are sent on. @param nominated by Connection: names in lower case, null = none */
export function proxiedTrailers(trailers: string, nominated: ReadonlySet<string> | null): string {
  if (trailers === '') return '';
  return trailers
    .split('\r\n')
    .filter((line) => line !== '' && !NOT_PASSED.test(line))
    .filter((line) => nominated?.has(line.slice(0, line.indexOf(':')).toLowerCase()) !== true)
    .map((line) => `${line}\r\n`)
    .join('');
}
