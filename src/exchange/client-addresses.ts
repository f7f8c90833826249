import { isIP } from 'node:net';
import { AddressRanges, plainAddress } from '../core/address-ranges.ts';
import { fieldValues } from '../http1/request-lines.ts';

/**
 * Who a request comes from, where proxies stand in front of us: of the addresses that X-Forwarded-For tells, or the `for`
 * of Forwarded (RFC 7239) where there is none, the last that is not a trusted proxy's own. What stands before it may be
 * the client's invention.
 */
export class ClientAddresses {
  readonly #trusted: AddressRanges;

  /** @param trusted each as `AddressRanges.isRange` has it */
  constructor(trusted: readonly string[]) {
    this.#trusted = new AddressRanges(trusted);
  }

  /**
   * @param peer the other end of the connection; undefined for a Unix socket
   * @param lines the head, see {@link fieldValues}
   */
  of(peer: string | undefined, lines: string): string | undefined {
    if (!this.#trusted.includes(peer === undefined ? null : plainAddress(peer))) return peer;
    const told = toldBy(lines);
    let address = peer;
    for (let i = told.length - 1; i >= 0; i--) {
      const one = addressIn(told[i]!);
      // A name that says nothing (`unknown`, `_hidden`): what is before it is not to be trusted.
      if (one === null) return address;
      address = one;
      if (!this.#trusted.includes(one)) return address;
    }
    return address;
  }
}

function toldBy(lines: string): string[] {
  const listed = fieldValues(lines, 'x-forwarded-for');
  if (listed.length > 0) return listed.join(',').split(',');
  const elements = fieldValues(lines, 'forwarded').join(',');
  if (elements === '') return [];
  return elements.split(',').map((element) => /(?:^|;)\s*for=("?)([^";]*)\1/i.exec(element)?.[2] ?? '');
}

/** An address, alone or with a port as some proxies write it. */
function addressIn(text: string): string | null {
  const trimmed = text.trim();
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  return isIP(bare) === 0 ? null : plainAddress(bare);
}
