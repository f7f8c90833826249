import { Outcome } from '../core/outcome.ts';
import { BAD_AUTHORITY, hostEndOf } from './authority.ts';
import { Byte, equalsIgnoringCase } from './characters.ts';
import { Coding, withCoding } from './transfer-coding.ts';

/** More digits than Number.MAX_SAFE_INTEGER has cannot be a length we could count. */
export const MAX_LENGTH_DIGITS = 15;

/** What the fields of a request head say about its framing and its connection. */
export class FieldFacts {
  /** Field lines. */
  count = 0;
  /** Host fields. */
  hosts = 0;
  /** Value of the last of them, counted from the first byte of the fields. */
  hostStart = 0;
  hostEnd = 0;
  /** Content-Length fields. */
  lengths = 0;
  contentLength = 0;
  coding: Coding = Coding.None;
  hasUpgrade = false;
  /** Options of the Connection fields. */
  close = false;
  keepAlive = false;
  upgrade = false;

  forget(): void {
    this.count = 0;
    this.hosts = 0;
    this.hostStart = 0;
    this.hostEnd = 0;
    this.lengths = 0;
    this.contentLength = 0;
    this.coding = Coding.None;
    this.hasUpgrade = false;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = false;
  }

  copy(): FieldFacts {
    return Object.assign(new FieldFacts(), this);
  }

  /**
   * Notes what a field says. `name` is where its name begins and `nameEnd` the colon, [start, end) its value; the first
   * field begins at `fields`.
   *
   * @returns 0, or a negated {@link Outcome}
   */
  note(bytes: Buffer, fields: number, name: number, nameEnd: number, start: number, end: number): number {
    const first = bytes[name]! | 0x20;
    switch (nameEnd - name) {
      case 4:
        if (first === 0x68 && equalsIgnoringCase(bytes, name, 'host')) {
          this.hosts++;
          this.hostStart = start - fields;
          this.hostEnd = end - fields;
          // RFC 9112 section 3.2: it is empty where the target has no authority.
          if (end > start && hostEndOf(bytes, start, end) === BAD_AUTHORITY) return -Outcome.ClientBadRequest;
        }
        break;
      case 7:
        if (first === 0x75 && equalsIgnoringCase(bytes, name, 'upgrade') && end > start) this.hasUpgrade = true;
        break;
      case 10:
        if (first === 0x63 && equalsIgnoringCase(bytes, name, 'connection')) this.#options(bytes, start, end);
        break;
      case 14:
        if (first === 0x63 && equalsIgnoringCase(bytes, name, 'content-length')) {
          return this.#length(bytes, start, end);
        }
        break;
      case 17:
        if (first === 0x74 && equalsIgnoringCase(bytes, name, 'transfer-encoding')) {
          this.coding = withCoding(this.coding, bytes, start, end);
        }
        break;
    }
    return 0;
  }

  /** Tokens between commas, RFC 9110 section 7.6.1; as with Node, what is no token is no option. */
  #options(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      while (at < end && (bytes[at] === Byte.Comma || bytes[at] === Byte.Space || bytes[at] === Byte.Tab)) at++;
      const option = at;
      while (at < end && bytes[at] !== Byte.Comma) at++;
      let last = at;
      while (last > option && (bytes[last - 1] === Byte.Space || bytes[last - 1] === Byte.Tab)) last--;
      const length = last - option;
      if (length === 5 && equalsIgnoringCase(bytes, option, 'close')) this.close = true;
      else if (length === 10 && equalsIgnoringCase(bytes, option, 'keep-alive')) this.keepAlive = true;
      else if (length === 7 && equalsIgnoringCase(bytes, option, 'upgrade')) this.upgrade = true;
    }
  }

  /** 1*DIGIT and only once: RFC 9112 section 6.3 rule 5 lets us refuse a repeated length, equal or not. */
  #length(bytes: Buffer, start: number, end: number): number {
    if (++this.lengths > 1 || start === end || end - start > MAX_LENGTH_DIGITS) return -Outcome.ClientBadRequest;
    let length = 0;
    for (let at = start; at < end; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return -Outcome.ClientBadRequest;
      length = length * 10 + digit;
    }
    this.contentLength = length;
    return 0;
  }
}
