import { type AddressRanges, plainAddress } from '../core/address-ranges.ts';
import type { Counters } from '../observability/counters.ts';
import type { ClientConnection, ClientRegistry } from './client-context.ts';

/** Of this thread. Infinity = no limit. */
export interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
  /** Proxies of which each stands for many clients: the limit of an address is not theirs. null = none. */
  readonly proxies: AddressRanges | null;
}

/** Why a client is not let in. */
export type RefusalCause = 'total' | 'address';

/**
 * A connection is not closed to make room before it has been idle for so long: what its client has sent may not have been
 * read yet, above all when many are accepted in one turn of the loop. ms
 */
const MIN_IDLE_MS = 100;

/** Where nobody was idle that is looked for again only so much later. ms */
const LOOK_AGAIN_MS = 50;

/** An address of a connection that was accepted, as far as asked for. */
interface NamedHandle {
  getpeername?(out: { address?: string }): number;
}

/**
 * Who is let in. At the limit in total room is made: the connection that has been idle the longest is closed, as nginx does
 * with those that it calls reusable. Only where none is idle a client is refused; and where its own address has as many as
 * it may, at whose cost nobody else's is closed.
 *
 * A request pays nothing for it. Idle ones are looked for at the limit only: one search, n log n, finds as many to close
 * as there are.
 */
export class ClientAdmission {
  readonly #clients: ClientRegistry;
  readonly #counters: Counters;
  #limits: ConnectionLimits = { total: Number.POSITIVE_INFINITY, perAddress: Number.POSITIVE_INFINITY, proxies: null };
  /** How many each address has, while that is limited. */
  readonly #byAddress = new Map<string, number>();
  /** Of connections that are counted there, by id. */
  readonly #addresses = new Map<number, string>();
  /** Those that were idle when that was last looked for, the longest last, and since when. */
  #idle: { readonly connection: ClientConnection; readonly sinceMs: number }[] = [];
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clients: ClientRegistry, counters: Counters) {
    this.#clients = clients;
    this.#counters = counters;
  }

  /** From now on; connections that are there stay. */
  configure(limits: ConnectionLimits): void {
    this.#limits = limits;
  }

  /** Of the client behind an accepted handle; empty where it does not matter, and of Unix sockets. */
  addressOf(handle: object): string {
    if (this.#limits.perAddress === Number.POSITIVE_INFINITY) return '';
    const out: { address?: string } = {};
    (handle as NamedHandle).getpeername?.(out);
    const { address = '' } = out;
    const { proxies } = this.#limits;
    return proxies !== null && address !== '' && proxies.includes(plainAddress(address)) ? '' : address;
  }

  /** @returns null = it is let in; then {@link added} has to follow */
  refusalOf(address: string): RefusalCause | null {
    if (address !== '' && (this.#byAddress.get(address) ?? 0) >= this.#limits.perAddress) {
      this.#counters.connectionRefused('address');
      return 'address';
    }
    if (this.#clients.size < this.#limits.total || this.makeRoom()) return null;
    this.#counters.connectionRefused('total');
    return 'total';
  }

  /** Connections that there are. */
  get open(): number {
    return this.#clients.size;
  }

  /** Whether {@link makeRoom} would close one. */
  get hasIdle(): boolean {
    this.#lookForIdle();
    return this.#idle.some(({ connection, sinceMs }) => isIdleSince(connection, sinceMs));
  }

  added(id: number, address: string): void {
    if (address === '') return;
    this.#addresses.set(id, address);
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
  }

  closed(id: number): void {
    const address = this.#addresses.get(id);
    if (address === undefined) return;
    this.#addresses.delete(id);
    const left = this.#byAddress.get(address)! - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }

  /** Closes the connection that has been idle the longest. @returns whether there was one */
  makeRoom(): boolean {
    if (this.#closeIdle()) return true;
    this.#lookForIdle();
    return this.#closeIdle();
  }

  #lookForIdle(): void {
    const nowMs = this.#clients.clock.tick();
    if (nowMs - this.#lookedAtMs < LOOK_AGAIN_MS) return;
    this.#lookedAtMs = nowMs;
    this.#idle.length = 0;
    for (const connection of this.#clients) {
      const { idleSinceMs: sinceMs } = connection;
      if (nowMs - sinceMs >= MIN_IDLE_MS && connection.isIdle) this.#idle.push({ connection, sinceMs });
    }
    this.#idle.sort((a, b) => b.sinceMs - a.sinceMs);
  }

  #closeIdle(): boolean {
    for (;;) {
      const found = this.#idle.pop();
      if (found === undefined) return false;
      const { connection, sinceMs } = found;
      // It may have been busy in the meantime, or be gone.
      if (!isIdleSince(connection, sinceMs)) continue;
      connection.destroy();
      this.#counters.connectionClosedForRoom();
      return true;
    }
  }
}

function isIdleSince(connection: ClientConnection, sinceMs: number): boolean {
  return connection.idleSinceMs === sinceMs && connection.isIdle;
}
