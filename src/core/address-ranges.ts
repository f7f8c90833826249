import { BlockList, isIP } from 'node:net';

/** What is no range, in words. */
export const RANGE_EXPECTED = "an address, a range such as 10.0.0.0/8 or fd00::/8, or 'unix' for Unix sockets";

/** Addresses of whom something is believed, such as proxies in front of us. */
export class AddressRanges {
  readonly #blocks = new BlockList();
  #hasUnix = false;

  /** @param ranges each as {@link isRange} has it; anything else throws a RangeError */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const parsed = parse(range);
      if (parsed === null) throw new RangeError(`expected ${RANGE_EXPECTED}, got ${JSON.stringify(range)}`);
      if (parsed === 'unix') this.#hasUnix = true;
      else this.#blocks.addSubnet(parsed.address, parsed.bits, parsed.family);
    }
  }

  static isRange(text: string): boolean {
    return parse(text) !== null;
  }

  /** @param address as {@link plainAddress} gives it; null for a Unix socket */
  includes(address: string | null): boolean {
    if (address === null) return this.#hasUnix;
    return this.#blocks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** An IPv4 client of a socket that serves both families comes as ::ffff:10.0.0.1. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function parse(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | 'unix' | null {
  if (text === 'unix') return 'unix';
  const [address, bits, ...more] = text.split('/') as [string, string | undefined, ...string[]];
  const version = isIP(address);
  const most = version === 6 ? 128 : 32;
  if (version === 0 || more.length > 0) return null;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) return null;
  return { address, bits: bits === undefined ? most : Number(bits), family: version === 6 ? 'ipv6' : 'ipv4' };
}
