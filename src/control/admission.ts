import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { ApiError } from './api-error.ts';

/** Who may do what on a listener that others can reach, too. */
export interface AdmissionRules {
  /**
   * Lets anything be done. Where nobody has set one it was made up at the start, and is known to the dashboard's link alone.
   */
  readonly token: string;
  /** Nothing is told or done without it; else only pages in a browser need it, and only to change something. */
  readonly isTokenRequired: boolean;
}

/** Says whether a request is let in. The Unix socket asks nobody: its folder is the owner's alone. */
export class Admission {
  readonly #digest: Buffer;
  readonly #isTokenRequired: boolean;

  constructor({ token, isTokenRequired }: AdmissionRules) {
    this.#digest = digestOf(token);
    this.#isTokenRequired = isTokenRequired;
  }

  /**
   * @param changes it is to change something
   * @throws ApiError UNAUTHORIZED or FORBIDDEN
   */
  check(request: IncomingMessage, changes: boolean): void {
    const { headers } = request;
    const given = tokenIn(headers.authorization);
    if (given !== null) {
      // Digests are of one length, so that the time taken says nothing about how much of it was right.
      if (timingSafeEqual(digestOf(given), this.#digest)) return;
      throw new ApiError('UNAUTHORIZED', 'the token is wrong: see admin.token, or EVENER_ADMIN_TOKEN of the instance');
    }
    if (this.#isTokenRequired) {
      throw new ApiError('UNAUTHORIZED', 'a token is needed: send "Authorization: Bearer <token>"');
    }
    // A page of another site that made its own name point here (DNS rebinding) still asks for that name.
    if (!isLoopbackName(headers.host ?? '')) {
      throw new ApiError(
        'FORBIDDEN',
        'ask for it as localhost, 127.0.0.1 or [::1], or send "Authorization: Bearer <token>"',
      );
    }
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      throw new ApiError('FORBIDDEN', 'pages of other sites are not let in');
    }
    if (changes && (headers.origin !== undefined || site !== undefined)) {
      throw new ApiError(
        'UNAUTHORIZED',
        'from a browser this needs the token: open the dashboard by the link that "evener dashboard" prints',
      );
    }
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function tokenIn(authorization: string | undefined): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null;
}

/** Of a Host field, with or without a port. */
export function isLoopbackName(host: string): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}
