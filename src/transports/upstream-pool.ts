import { type AddressRanges, plainAddress } from '../core/address-ranges.ts';
import type { Clock } from '../core/clock.ts';
import type { ExchangeClient } from '../exchange/transport.ts';
import type { ForwardedClient } from '../http1/proxied-request.ts';
import type { FlushTurn } from '../link/flush-turn.ts';

/** Precision of the time-outs of connections to servers. */
const SWEEP_INTERVAL_MS = 100;

/** What has deadlines that are looked after. */
interface Swept {
  sweep(nowMs: number): void;
}

/** What all transports of one pool of servers share. */
export class UpstreamPool {
  readonly clock: Clock;
  /** When requests leave: with others, so that a server is woken for several. */
  readonly turn: FlushTurn;
  readonly #trusted: AddressRanges;
  readonly #transports = new Set<Swept>();
  /** Looks after what is no connection's own, such as a server that has fallen silent. */
  onSwept: ((nowMs: number) => void) | null = null;
  readonly #clients = new WeakMap<ExchangeClient, ForwardedClient>();
  readonly #sweep: NodeJS.Timeout;
  #isLeaving = false;

  constructor(clock: Clock, turn: FlushTurn, trusted: AddressRanges) {
    this.clock = clock;
    this.turn = turn;
    this.#trusted = trusted;
    // After the loop's poll phase: what servers sent while this thread was late lies unread, and they must not be blamed.
    this.#sweep = setInterval(() => setImmediate(() => this.#expire()), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  add(transport: Swept): void {
    this.#transports.add(transport);
  }

  remove(transport: Swept): void {
    this.#transports.delete(transport);
    if (this.#isLeaving && this.#transports.size === 0) this.close();
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

  /** Others take its place; it is needed until the last of its transports has gone. */
  closeWhenEmpty(): void {
    this.#isLeaving = true;
    if (this.#transports.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #expire(): void {
    const nowMs = this.clock.tick();
    for (const transport of this.#transports) transport.sweep(nowMs);
    if (this.onSwept !== null) this.onSwept(nowMs);
  }
}
