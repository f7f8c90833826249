import { BlockList, isIP } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { ExchangeClient } from '../exchange/transport.ts';
import type { ForwardedClient } from '../http1/proxied-request.ts';

/** Precision of the time-outs of connections to servers. */
const SWEEP_INTERVAL_MS = 100;

/** What has deadlines that are looked after. */
interface Swept {
  sweep(nowMs: number): void;
}

/** What all transports to servers of a thread share. */
export class UpstreamThread {
  readonly clock: Clock;
  readonly #trusted: TrustedProxies;
  readonly #transports = new Set<Swept>();
  readonly #clients = new WeakMap<ExchangeClient, ForwardedClient>();
  readonly #loadReport: (format: string) => string;
  readonly #sweep: NodeJS.Timeout;

  /** @param loadReport a line with our own load in this format, for clients that ask; '' = none is given. */
  constructor(clock: Clock, trusted: TrustedProxies, loadReport: (format: string) => string = () => '') {
    this.clock = clock;
    this.#trusted = trusted;
    this.#loadReport = loadReport;
    // After the loop's poll phase: what servers sent while this thread was late lies unread, and they must not be blamed.
    this.#sweep = setInterval(() => setImmediate(() => this.#expire()), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  add(transport: Swept): void {
    this.#transports.add(transport);
  }

  remove(transport: Swept): void {
    this.#transports.delete(transport);
  }

  loadReport(format: string): string {
    return this.#loadReport(format);
  }

  /** What servers are told of this client. Found out once for each connection. */
  forwardedClientOf(client: ExchangeClient): ForwardedClient {
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const { remoteAddress } = client.peer;
    const address = remoteAddress === undefined ? null : plainAddress(remoteAddress);
    const made: ForwardedClient = { address, proto: 'http', isTrusted: this.#trusted.includes(address) };
    this.#clients.set(client, made);
    return made;
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #expire(): void {
    const nowMs = this.clock.tick();
    for (const transport of this.#transports) transport.sweep(nowMs);
  }
}

/** Proxies in front of us whose X-Forwarded-* and Forwarded count. */
export class TrustedProxies {
  readonly #blocks = new BlockList();
  #trustsUnix = false;

  /** @param ranges addresses, CIDR ranges (10.0.0.0/8, fd00::/8), and `unix` for Unix sockets. Throws on anything else. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      if (range === 'unix') {
        this.#trustsUnix = true;
        continue;
      }
      const [address, bits] = range.split('/', 2) as [string, string | undefined];
      const version = isIP(address);
      const most = version === 6 ? 128 : 32;
      if (version === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most))) {
        throw new RangeError(`'${range}' is no address, no range such as 10.0.0.0/8, and not 'unix'`);
      }
      this.#blocks.addSubnet(address, bits === undefined ? most : Number(bits), version === 6 ? 'ipv6' : 'ipv4');
    }
  }

  /** @param address null for a client on a Unix socket. */
  includes(address: string | null): boolean {
    if (address === null) return this.#trustsUnix;
    return this.#blocks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
}

/** An IPv4 client of a socket that serves both comes as ::ffff:10.0.0.1. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
