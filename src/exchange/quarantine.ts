import { Outcome } from '../core/outcome.ts';
import type { Exchange } from './exchange.ts';

/**
 * Requests that were in the hands of workers which died or hung, by fingerprint. The supervisor, which sees the deaths,
 * says who is suspected and who is refused; a suspect that is answered after all is acquitted. There is one for a pool in each
 * thread while anybody is suspected, and none otherwise, so that it costs nothing then.
 */
export class Quarantine {
  readonly #suspects: Set<string>;
  readonly #refused: ReadonlySet<string>;
  readonly #acquit: (fingerprint: string) => void;

  /** @param acquit hears of suspects that were answered, once each */
  constructor(suspects: Iterable<string>, refused: Iterable<string>, acquit: (fingerprint: string) => void) {
    this.#suspects = new Set(suspects);
    this.#refused = new Set(refused);
    this.#acquit = acquit;
  }

  refuses(exchange: Exchange): boolean {
    return this.#refused.size > 0 && this.#refused.has(fingerprintOf(exchange));
  }

  /** An exchange is over. */
  finished(exchange: Exchange): void {
    if (exchange.outcome !== Outcome.Completed || this.#suspects.size === 0) return;
    const fingerprint = fingerprintOf(exchange);
    if (this.#suspects.delete(fingerprint)) this.#acquit(fingerprint);
  }
}

/**
 * What makes two requests the same: method, target and the length of the body. The body itself is gone once a worker has begun
 * the request, and only then can it have done any harm. Says nothing of what it was made from; 53 bits in base 36.
 */
export function fingerprintOf({ methodName, target, lines }: Exchange): string {
  const length = /\ncontent-length:[ \t]*(\d+)/i.exec(lines)?.[1] ?? (/\ntransfer-encoding:/i.test(lines) ? '?' : '0');
  return hash(`${methodName} ${length} ${target}`).toString(36);
}

/** Two multiplicative hashes of 32 bits, of which 53 bits are kept. Not against somebody who looks for a collision. */
function hash(text: string): number {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    one = Math.imul(one ^ code, 0x9e3779b1);
    other = Math.imul(other ^ code, 0x5f356495);
  }
  one ^= Math.imul(other ^ (other >>> 15), 0x735a2d97);
  other ^= Math.imul(one ^ (one >>> 15), 0xcaf649a9);
  return 0x1_0000_0000 * (0x1f_ffff & (other >>> 0)) + (one >>> 0);
}
