import { Outcome } from '../core/outcome.ts';
import { BAD_AUTHORITY, hostEndOf } from './authority.ts';
import { Byte, equalsIgnoringCase, FIELD_VALUE, TARGET, TOKEN } from './characters.ts';
import { Method, methodCode, UNKNOWN_METHOD } from './methods.ts';
import { Coding, withCoding } from './transfer-coding.ts';

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

/** More digits than Number.MAX_SAFE_INTEGER has cannot be a length we could count. */
export const MAX_LENGTH_DIGITS = 15;

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

  #hosts = 0;
  #lengths = 0;
  #coding: Coding = Coding.None;
  #sawUpgrade = false;
  #connectionClose = false;
  #connectionKeepAlive = false;
  #connectionUpgrade = false;

  /**
   * Parses [from, to) of `bytes`.
   *
   * @returns the offset after the head's empty line; {@link INCOMPLETE} when more bytes are needed; or a negated
   * {@link Outcome} when the head is refused, after which the connection's framing is in doubt.
   */
  parse(bytes: Buffer, from: number, to: number, limits: HeadLimits): number {
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

    let fields = 0;
    for (;;) {
      if (at >= stop) return stop === limit ? -Outcome.ClientHeadTooLarge : INCOMPLETE;
      if (bytes[at] === Byte.Cr) {
        if (at + 1 >= stop) return stop === limit ? -Outcome.ClientHeadTooLarge : INCOMPLETE;
        if (bytes[at + 1] !== Byte.Lf) return -Outcome.ClientBadRequest;
        at += 2;
        break;
      }
      if (++fields > limits.maxFields) return -Outcome.ClientHeadTooLarge;

      // field-name ":", RFC 9112 section 5.1: no space before the colon; a line that begins with one is obs-fold.
      const nameStart = at;
      while (at < stop && TOKEN[bytes[at]!] === 1) at++;
      if (at >= stop) return stop === limit ? -Outcome.ClientHeadTooLarge : INCOMPLETE;
      if (bytes[at] !== Byte.Colon || at === nameStart) return -Outcome.ClientBadRequest;
      const nameEnd = at++;

      while (at < stop && (bytes[at] === Byte.Space || bytes[at] === Byte.Tab)) at++;
      const valueStart = at;
      while (at < stop && FIELD_VALUE[bytes[at]!] === 1) at++;
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

      const refused = this.#field(bytes, nameStart, nameEnd, valueStart, valueEnd);
      if (refused !== 0) return refused;
    }
    return this.#conclude(at, limits);
  }

  #forget(): void {
    this.method = UNKNOWN_METHOD;
    this.framing = Framing.None;
    this.contentLength = 0;
    this.hostStart = 0;
    this.hostEnd = 0;
    this.#hosts = 0;
    this.#lengths = 0;
    this.#coding = Coding.None;
    this.#sawUpgrade = false;
    this.#connectionClose = false;
    this.#connectionKeepAlive = false;
    this.#connectionUpgrade = false;
  }

  /** method SP request-target SP HTTP-version CRLF, RFC 9112 section 3. */
  #requestLine(bytes: Buffer, from: number, to: number, limit: number): number {
    let at = from;
    while (at < to && TOKEN[bytes[at]!] === 1) at++;
    if (at >= to) return to === limit ? -Outcome.ClientTargetTooLong : INCOMPLETE;
    if (bytes[at] !== Byte.Space || at === from) return -Outcome.ClientBadRequest;
    const methodEnd = at++;

    this.targetStart = at;
    while (at < to && TARGET[bytes[at]!] === 1) at++;
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

  /** Notes what a field says about framing and connection. 0, or a negated outcome. */
  #field(bytes: Buffer, nameStart: number, nameEnd: number, start: number, end: number): number {
    const first = bytes[nameStart]! | 0x20;
    switch (nameEnd - nameStart) {
      case 4:
        if (first === 0x68 && equalsIgnoringCase(bytes, nameStart, 'host')) {
          this.#hosts++;
          this.hostStart = start;
          this.hostEnd = end;
          // RFC 9112 section 3.2: it is empty where the target has no authority.
          if (end > start && hostEndOf(bytes, start, end) === BAD_AUTHORITY) return -Outcome.ClientBadRequest;
        }
        break;
      case 7:
        if (first === 0x75 && equalsIgnoringCase(bytes, nameStart, 'upgrade') && end > start) this.#sawUpgrade = true;
        break;
      case 10:
        if (first === 0x63 && equalsIgnoringCase(bytes, nameStart, 'connection')) {
          this.#connectionOptions(bytes, start, end);
        }
        break;
      case 14:
        if (first === 0x63 && equalsIgnoringCase(bytes, nameStart, 'content-length')) {
          return this.#length(bytes, start, end);
        }
        break;
      case 17:
        if (first === 0x74 && equalsIgnoringCase(bytes, nameStart, 'transfer-encoding')) {
          this.#coding = withCoding(this.#coding, bytes, start, end);
        }
        break;
    }
    return 0;
  }

  /** Tokens between commas, RFC 9110 section 7.6.1; as with Node, what is no token is no option. */
  #connectionOptions(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      while (at < end && (bytes[at] === Byte.Comma || bytes[at] === Byte.Space || bytes[at] === Byte.Tab)) at++;
      const option = at;
      while (at < end && bytes[at] !== Byte.Comma) at++;
      let last = at;
      while (last > option && (bytes[last - 1] === Byte.Space || bytes[last - 1] === Byte.Tab)) last--;
      const length = last - option;
      if (length === 5 && equalsIgnoringCase(bytes, option, 'close')) this.#connectionClose = true;
      else if (length === 10 && equalsIgnoringCase(bytes, option, 'keep-alive')) this.#connectionKeepAlive = true;
      else if (length === 7 && equalsIgnoringCase(bytes, option, 'upgrade')) this.#connectionUpgrade = true;
    }
  }

  /** 1*DIGIT and only once: RFC 9112 section 6.3 rule 5 lets us refuse a repeated length, equal or not. */
  #length(bytes: Buffer, start: number, end: number): number {
    if (++this.#lengths > 1 || start === end || end - start > MAX_LENGTH_DIGITS) return -Outcome.ClientBadRequest;
    let length = 0;
    for (let at = start; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return -Outcome.ClientBadRequest;
      length = length * 10 + digit;
    }
    this.contentLength = length;
    return 0;
  }

  #conclude(end: number, limits: HeadLimits): number {
    // RFC 9112 section 3.2: exactly one Host; none is allowed in HTTP/1.0, and to an app that asked for it.
    if (this.#hosts !== 1 && (this.#hosts > 1 || (this.minorVersion === 1 && limits.requireHost))) {
      return -Outcome.ClientBadRequest;
    }
    if (this.#coding !== Coding.None) {
      // RFC 9112 section 6.1 and 6.3 rule 3: both framings present, or a coding in HTTP/1.0: refuse.
      if (this.#lengths > 0 || this.minorVersion === 0) return -Outcome.ClientBadRequest;
      if (this.#coding === Coding.ThenChunked) return -Outcome.ClientCodingUnknown;
      // RFC 9112 section 6.3 rule 4: without chunked as the last coding the end of the body cannot be known.
      if (this.#coding !== Coding.Chunked) return -Outcome.ClientBadRequest;
      this.framing = Framing.Chunked;
    } else if (this.contentLength > 0) {
      this.framing = Framing.Length;
    }
    this.keepAlive =
      this.minorVersion === 1 ? !this.#connectionClose : this.#connectionKeepAlive && !this.#connectionClose;
    if (this.method === Method.Connect) {
      // RFC 9110 section 9.3.6: no content. To us its bytes would be the tunnel's, to others a body before the next
      // request.
      if (this.framing !== Framing.None) return -Outcome.ClientBadRequest;
      this.wantsUpgrade = true;
    } else {
      // RFC 9110 section 7.8: in HTTP/1.0 an Upgrade is ignored.
      this.wantsUpgrade = this.#sawUpgrade && this.#connectionUpgrade && this.minorVersion === 1;
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
