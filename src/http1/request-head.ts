import { Outcome } from '../core/outcome.ts';
import { BAD_AUTHORITY, hostEndOf } from './authority.ts';
import { Byte, equalsIgnoringCase, FIELD_VALUE, passOver, TARGET, TOKEN } from './characters.ts';
import { FieldFacts } from './field-facts.ts';
import type { KnownFields } from './known-fields.ts';
import { Method, methodCode, UNKNOWN_METHOD } from './methods.ts';
import { Coding } from './transfer-coding.ts';

/** What a head may hold at most. */
export interface HeadLimits {
  /** Bytes from the first of the request line to the end of the empty line. */
  readonly maxHeadBytes: number;
  /** Field lines. */
  readonly maxFields: number;
  /** RFC 9112 section 3.2 asks for a Host; an app may say that it does not. */
  readonly requireHost: boolean;
}

/**
 * However many an app allows: more fields than these are nobody's honest request, and each costs two strings in the
 * worker. Node itself allows 1,000 unless told otherwise.
 */
export const MAX_FIELDS = 2000;

/** Empty lines tolerated before a request line (RFC 9112 section 2.2 asks for at least one). */
const MAX_LEADING_EMPTY_LINES = 4;

/** Results of {@link RequestHead.parse} other than an end offset. */
export const INCOMPLETE = 0;

/** How the request's body is delimited, RFC 9112 section 6.3. */
export const Framing = { None: 0, Length: 1, Chunked: 2, UntilClose: 3 } as const;
export type Framing = (typeof Framing)[keyof typeof Framing];

/**
 * A request head, parsed in one pass over the bytes where they lie. One object per connection is filled again and
 * again; all positions are offsets into the buffer given to {@link parse} and hold until it is called again.
 */
export class RequestHead {
  /** Where the request line begins, after tolerated empty lines. */
  start = 0;
  /** {@link UNKNOWN_METHOD} until the request line is complete and in order. */
  method: number = UNKNOWN_METHOD;
  targetStart = 0;
  targetEnd = 0;
  /** Value of the Host field; empty where there is none. */
  hostStart = 0;
  hostEnd = 0;
  /** 0 or 1, of HTTP/1.x. */
  minorVersion = 1;
  framing: Framing = Framing.None;
  /** Bytes of the body; 0 unless framing is Length. */
  contentLength = 0;
  /** The client wants the connection kept (RFC 9112 section 9.3). */
  keepAlive = true;
  /** `Connection: upgrade` with an `Upgrade` field, or CONNECT. */
  wantsUpgrade = false;

  /** Where the first field begins. */
  #fieldsStart = 0;
  readonly #ownFacts = new FieldFacts();
  #facts: FieldFacts = this.#ownFacts;

  /**
   * Parses [from, to) of `bytes`.
   *
   * @returns the offset after the head's empty line; {@link INCOMPLETE} when more bytes are needed; or a negated
   * {@link Outcome} when the head is refused, after which the connection's framing is in doubt.
   *
   * @param known of an earlier head; the same fields are not parsed anew
   */
  parse(bytes: Buffer, from: number, to: number, limits: HeadLimits, known: KnownFields | null = null): number {
    let at = from;
    let emptyLines = 0;
    // RFC 9112 section 2.2: an empty line before the request line is tolerated, as CRLF only.
    this.start = to;
    while (at < to && bytes[at] === Byte.Cr) {
      if (at + 1 === to) return INCOMPLETE;
      if (bytes[at + 1] !== Byte.Lf || ++emptyLines > MAX_LEADING_EMPTY_LINES) return -Outcome.ClientBadRequest;
      at += 2;
    }
    this.start = at;
    // What lies beyond the limit is not looked at: the answer is the same however much of it has come already.
    const limit = at + limits.maxHeadBytes;
    const stop = Math.min(to, limit);
    this.#forget();

    const afterLine = this.#requestLine(bytes, at, stop, limit);
    if (afterLine <= 0) return afterLine;
    at = afterLine;

    this.#fieldsStart = at;
    if (known?.stand(bytes, at, stop) === true && known.facts.count <= limits.maxFields) {
      this.#facts = known.facts;
      return this.#conclude(at + known.length, limits);
    }

    const facts = this.#ownFacts;
    for (;;) {
      if (at >= stop) return stop === limit ? -Outcome.ClientHeadTooLarge : INCOMPLETE;
      if (bytes[at] === Byte.Cr) {
        if (at + 1 >= stop) return stop === limit ? -Outcome.ClientHeadTooLarge : INCOMPLETE;
        if (bytes[at + 1] !== Byte.Lf) return -Outcome.ClientBadRequest;
        at += 2;
        break;
      }
      if (++facts.count > limits.maxFields) return -Outcome.ClientHeadTooLarge;

      // field-name ":", RFC 9112 section 5.1: no space before the colon; a line that begins with one is obs-fold.
      const nameStart = at;
      while (at < stop && TOKEN[bytes[at]!] === 1) at++;
      if (at >= stop) return stop === limit ? -Outcome.ClientHeadTooLarge : INCOMPLETE;
      if (bytes[at] !== Byte.Colon || at === nameStart) return -Outcome.ClientBadRequest;
      const nameEnd = at++;

      while (at < stop && (bytes[at] === Byte.Space || bytes[at] === Byte.Tab)) at++;
      const valueStart = at;
      at = passOver(FIELD_VALUE, bytes, at, stop);
      if (at + 1 >= stop) {
        if (at < stop && bytes[at] !== Byte.Cr) return -Outcome.ClientBadRequest;
        return stop === limit ? -Outcome.ClientHeadTooLarge : INCOMPLETE;
      }
      // A bare CR, a bare LF, a NUL or another control byte ends up here.
      if (bytes[at] !== Byte.Cr || bytes[at + 1] !== Byte.Lf) return -Outcome.ClientBadRequest;
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === Byte.Space || bytes[valueEnd - 1] === Byte.Tab)) {
        valueEnd--;
      }
      at += 2;

      const refused = facts.note(bytes, this.#fieldsStart, nameStart, nameEnd, valueStart, valueEnd);
      if (refused !== 0) return refused;
    }
    return this.#conclude(at, limits);
  }

  /** What is known of fields from now on is of this head, which was parsed last and ends at `end`. */
  tell(known: KnownFields, bytes: Buffer, end: number): void {
    if (this.#facts === this.#ownFacts) known.missed(bytes, this.#fieldsStart, end, this.#facts);
    else known.hit();
  }

  #forget(): void {
    this.method = UNKNOWN_METHOD;
    this.framing = Framing.None;
    this.contentLength = 0;
    this.hostStart = 0;
    this.hostEnd = 0;
    this.#facts = this.#ownFacts;
    this.#facts.forget();
  }

  /** method SP request-target SP HTTP-version CRLF, RFC 9112 section 3. */
  #requestLine(bytes: Buffer, from: number, to: number, limit: number): number {
    let at = from;
    while (at < to && TOKEN[bytes[at]!] === 1) at++;
    if (at >= to) return to === limit ? -Outcome.ClientTargetTooLong : INCOMPLETE;
    if (bytes[at] !== Byte.Space || at === from) return -Outcome.ClientBadRequest;
    const methodEnd = at++;

    this.targetStart = at;
    at = passOver(TARGET, bytes, at, to);
    if (at >= to) return to === limit ? -Outcome.ClientTargetTooLong : INCOMPLETE;
    if (bytes[at] !== Byte.Space || at === this.targetStart) return -Outcome.ClientBadRequest;
    this.targetEnd = at++;

    // "HTTP/1.1" CRLF: ten bytes.
    if (at + 10 > to) {
      if (to === limit) return -Outcome.ClientTargetTooLong;
      return looksLikeVersion(bytes, at, to) ? INCOMPLETE : -Outcome.ClientBadRequest;
    }
    if (!looksLikeVersion(bytes, at, at + 10)) return -Outcome.ClientBadRequest;
    const major = bytes[at + 5]! - 0x30;
    const minor = bytes[at + 7]! - 0x30;
    if (major !== 1 || minor > 1) return -Outcome.ClientVersionUnknown;
    this.minorVersion = minor;
    at += 10;

    this.method = methodCode(bytes, from, methodEnd);
    if (this.method === UNKNOWN_METHOD) return -Outcome.ClientMethodUnknown;
    return this.#targetFits(bytes) ? at : -Outcome.ClientBadRequest;
  }

  /** The four forms of RFC 9112 section 3.2, each with the methods it goes with. */
  #targetFits(bytes: Buffer): boolean {
    const start = this.targetStart;
    const end = this.targetEnd;
    if (this.method === Method.Connect) {
      // host ":" port, RFC 9112 section 3.2.3: the port may not be left out here.
      const hostEnd = hostEndOf(bytes, start, end);
      return hostEnd !== BAD_AUTHORITY && hostEnd < end - 1;
    }
    if (bytes[start] === Byte.Slash) return true;
    if (end - start === 1 && bytes[start] === 0x2a) return this.method === Method.Options;
    if (end - start > 7 && equalsIgnoringCase(bytes, start, 'http://')) return hasHost(bytes, start + 7, end);
    return end - start > 8 && equalsIgnoringCase(bytes, start, 'https://') && hasHost(bytes, start + 8, end);
  }

  #conclude(end: number, limits: HeadLimits): number {
    const { hosts, lengths, contentLength, coding, close, keepAlive } = this.#facts;
    // RFC 9112 section 3.2: exactly one Host; none is allowed in HTTP/1.0, and to an app that asked for it.
    if (hosts !== 1 && (hosts > 1 || (this.minorVersion === 1 && limits.requireHost))) {
      return -Outcome.ClientBadRequest;
    }
    if (hosts === 1) {
      this.hostStart = this.#fieldsStart + this.#facts.hostStart;
      this.hostEnd = this.#fieldsStart + this.#facts.hostEnd;
    }
    this.contentLength = contentLength;
    if (coding !== Coding.None) {
      // RFC 9112 section 6.1 and 6.3 rule 3: both framings present, or a coding in HTTP/1.0: refuse.
      if (lengths > 0 || this.minorVersion === 0) return -Outcome.ClientBadRequest;
      if (coding === Coding.ThenChunked) return -Outcome.ClientCodingUnknown;
      // RFC 9112 section 6.3 rule 4: without chunked as the last coding the end of the body cannot be known.
      if (coding !== Coding.Chunked) return -Outcome.ClientBadRequest;
      this.framing = Framing.Chunked;
    } else if (contentLength > 0) {
      this.framing = Framing.Length;
    }
    this.keepAlive = this.minorVersion === 1 ? !close : keepAlive && !close;
    if (this.method === Method.Connect) {
      // RFC 9110 section 9.3.6: no content. To us its bytes would be the tunnel's, to others a body before the next
      // request.
      if (this.framing !== Framing.None) return -Outcome.ClientBadRequest;
      this.wantsUpgrade = true;
    } else {
      // RFC 9110 section 7.8: in HTTP/1.0 an Upgrade is ignored.
      this.wantsUpgrade = this.#facts.hasUpgrade && this.#facts.upgrade && this.minorVersion === 1;
    }
    return end;
  }
}

/** True while [at, to) may still become, or is, `HTTP/d.d` CRLF. */
function looksLikeVersion(bytes: Buffer, at: number, to: number): boolean {
  for (let i = 0; at + i < to; i++) {
    const byte = bytes[at + i]!;
    if (i === 5 || i === 7) {
      if (byte < 0x30 || byte > 0x39) return false;
    } else if (byte !== VERSION.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}
const VERSION = 'HTTP/1.1\r\n';

/** An absolute-form's authority, RFC 9110 section 4.2. */
function hasHost(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at] !== Byte.Slash && bytes[at] !== Byte.Question) at++;
  return hostEndOf(bytes, start, at) !== BAD_AUTHORITY;
}
