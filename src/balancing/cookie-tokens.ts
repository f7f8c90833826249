import { createHmac, timingSafeEqual } from 'node:crypto';
import type { StickyCookie } from '../config/sticky.ts';
import { cookieValues } from '../http1/request-lines.ts';

/** Of a token, what it is looked up by. The rest proves that it is ours. */
const NAME_BYTES = 6;
const PROOF_BYTES = 16;

interface Token {
  readonly identity: string;
  readonly text: string;
  readonly proof: Buffer;
}

/**
 * Values of a sticky cookie. Each stands for one identity and is an HMAC-SHA256 of it, cut to 22 bytes: it tells nobody
 * where the app runs, and nobody can make one up. Made once for each identity, not once for each request.
 */
export class CookieTokens {
  readonly #cookie: StickyCookie;
  readonly #secret: string;
  /** Pools do not share values, whatever their endpoints are called. */
  readonly #scope: string;
  readonly #byIdentity = new Map<string, Token>();
  readonly #byName = new Map<string, Token>();

  /** @param secret where the cookie's settings name none */
  constructor(cookie: StickyCookie, secret: string, scope: string) {
    this.#cookie = cookie;
    this.#secret = cookie.secret ?? secret;
    this.#scope = scope;
  }

  /** Those that requests may ask for. */
  set(identities: Iterable<string>): void {
    const known = new Map(this.#byIdentity);
    this.#byIdentity.clear();
    this.#byName.clear();
    for (const identity of identities) {
      const token = known.get(identity) ?? this.#tokenOf(identity);
      this.#byIdentity.set(identity, token);
      this.#byName.set(nameOf(token.text), token);
    }
  }

  /** The identity that the request's cookie stands for; null when it has no cookie of ours, or none of now. */
  read(lines: string): string | null {
    for (const value of cookieValues(lines, this.#cookie.name)) {
      const token = this.#byName.get(nameOf(value));
      if (token === undefined) continue;
      const proof = Buffer.from(value, 'base64url').subarray(NAME_BYTES);
      if (proof.length === PROOF_BYTES && timingSafeEqual(proof, token.proof)) return token.identity;
    }
    return null;
  }

  /** The response line that sets it, with its CRLF. */
  line(identity: string, isSecure: boolean): string {
    const { name, path, domain, sameSite, secure, maxAgeSeconds } = this.#cookie;
    const { text } = this.#byIdentity.get(identity) ?? this.#tokenOf(identity);
    const parts = [`${name}=${text}`, `Path=${path}`];
    if (domain !== null) parts.push(`Domain=${domain}`);
    if (maxAgeSeconds !== null) parts.push(`Max-Age=${maxAgeSeconds}`);
    parts.push('HttpOnly', `SameSite=${sameSite}`);
    if (secure === 'auto' ? isSecure : secure) parts.push('Secure');
    return `Set-Cookie: ${parts.join('; ')}\r\n`;
  }

  #tokenOf(identity: string): Token {
    const mac = createHmac('sha256', this.#secret).update(`${this.#scope}\0${identity}`).digest();
    const bytes = mac.subarray(0, NAME_BYTES + PROOF_BYTES);
    return { identity, text: bytes.toString('base64url'), proof: bytes.subarray(NAME_BYTES) };
  }
}

/** 6 bytes are 8 characters. */
function nameOf(text: string): string {
  return text.slice(0, (NAME_BYTES / 3) * 4);
}
