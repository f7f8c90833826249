import { joinedFingerprint, targetFingerprint } from '../core/fingerprint.ts';
import { Outcome } from '../core/outcome.ts';
import type { Exchange } from './exchange.ts';

/** Fields that name one passage of a request, and are others when it comes once more. */
const PASSAGE = /^(?:traceparent|tracestate|b3|x-b3-[\w-]+|[\w-]*(?:request|correlation|trace)-id|cf-ray):.*\r\n/gim;

/**
 * Requests that were in the hands of workers which died or hung, by fingerprint. The supervisor, which sees the deaths,
 * says who is suspected and who is refused; a suspect that is answered after all is acquitted. There is one for a pool in each
 * thread while anybody is suspected, and none otherwise, so that it costs nothing then.
 */
export class Quarantine {
  readonly #suspects: Set<string>;
  readonly #refused: ReadonlySet<string>;
  /** Of both: for what is none of these no more has to be worked out. */
  readonly #targets: ReadonlySet<string>;
  readonly #acquit: (fingerprint: string) => void;

  /** @param acquit hears of suspects that were answered, once each */
  constructor(suspects: Iterable<string>, refused: Iterable<string>, acquit: (fingerprint: string) => void) {
    this.#suspects = new Set(suspects);
    this.#refused = new Set(refused);
    this.#targets = new Set([...suspects, ...refused].map(targetFingerprint));
    this.#acquit = acquit;
  }

  refuses(exchange: Exchange): boolean {
    if (this.#refused.size === 0) return false;
    const target = targetOf(exchange);
    return this.#targets.has(target) && (this.#refused.has(target) || this.#refused.has(joined(target, exchange)));
  }

  /** An exchange is over. */
  finished(exchange: Exchange): void {
    if (exchange.outcome !== Outcome.Completed || this.#suspects.size === 0) return;
    const target = targetOf(exchange);
    if (!this.#targets.has(target)) return;
    for (const one of [target, joined(target, exchange)]) if (this.#suspects.delete(one)) this.#acquit(one);
  }
}

/**
 * What makes two requests the same: method, target, the length of the body, and the header fields. The body itself is gone
 * once a worker has begun the request, and only then can it have done any harm. Says nothing of what it was made from.
 */
export function fingerprintOf(exchange: Exchange): string {
  return joined(targetOf(exchange), exchange);
}

function joined(target: string, { lines }: Exchange): string {
  return joinedFingerprint(target, hash(lines.slice(lines.indexOf('\r\n') + 2).replace(PASSAGE, '')));
}

function targetOf({ methodName, target, lines }: Exchange): string {
  const length = /\ncontent-length:[ \t]*(\d+)/i.exec(lines)?.[1] ?? (/\ntransfer-encoding:/i.test(lines) ? '?' : '0');
  return hash(`${methodName} ${length} ${target}`);
}

/** Two multiplicative hashes of 32 bits, of which 53 bits are kept, in base 36. Not against somebody who looks for a collision. */
function hash(text: string): string {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    one = Math.imul(one ^ code, 0x9e3779b1);
    other = Math.imul(other ^ code, 0x5f356495);
  }
  one ^= Math.imul(other ^ (other >>> 15), 0x735a2d97);
  other ^= Math.imul(one ^ (one >>> 15), 0xcaf649a9);
  return (0x1_0000_0000 * (0x1f_ffff & (other >>> 0)) + (one >>> 0)).toString(36);
}
