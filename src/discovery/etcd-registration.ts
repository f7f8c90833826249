import type { RegisterOptions } from '../config/register.ts';
import { type Rng, XorShift } from '../core/rng.ts';
import { parseServerAddress, type ServerAddress } from '../core/server-address.ts';
import { EtcdClient } from './etcd-client.ts';
import { retryDelayMs } from './retry.ts';

/** Times that a lease is kept alive before it would end. */
const BEATS_PER_TTL = 3;
/** At the end nobody waits longer for etcd. The lease ends by itself. */
const LEAVE_LIMIT_MS = 2_000;

export interface RegistrationObserver {
  /** It is known there, for the first time or again. */
  registered(): void;
  /** It may be known no longer, or not yet. Once, until it is. */
  failed(reason: string): void;
}

/**
 * Makes an instance known in etcd: a key of its own under a lease that is kept alive. One that dies is forgotten when the
 * lease ends; one that stops takes it back at once.
 */
export class EtcdRegistration {
  readonly #options: RegisterOptions;
  readonly #observer: RegistrationObserver;
  readonly #rng: Rng;
  readonly #client: EtcdClient | null = null;
  #lease: string | null = null;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  /** What is under way. */
  #step: Promise<void> = Promise.resolve();

  constructor(options: RegisterOptions, observer: RegistrationObserver, rng: Rng = new XorShift()) {
    this.#options = options;
    this.#observer = observer;
    this.#rng = rng;
    try {
      this.#client = new EtcdClient(options.address);
      this.#begin();
    } catch (error) {
      setImmediate(() => this.#isClosed || observer.failed((error as Error).message));
    }
  }

  /** The same place has the same key: an instance that is started again takes over what is left of itself. */
  get key(): string {
    const { address, url } = this.#options;
    const { host, port } = parseServerAddress(url) as ServerAddress;
    return `${address.prefix}/${host}:${port}`;
  }

  /** Takes it back. Resolves when etcd has forgotten it, or soon after it should have. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, LEAVE_LIMIT_MS);
    });
    await Promise.race([this.#leave(), late]);
    clearTimeout(limit);
    this.#client?.close();
  }

  async #leave(): Promise<void> {
    await this.#step;
    const lease = this.#lease;
    this.#lease = null;
    if (lease !== null) await this.#client!.revoke(lease).catch(() => {});
  }

  #begin(): void {
    this.#step = this.#beat();
  }

  async #beat(): Promise<void> {
    let delayMs: number;
    try {
      if (this.#lease !== null && !(await this.#client!.keepAlive(this.#lease))) this.#lease = null;
      if (this.#lease === null && !this.#isClosed) await this.#register();
      else if (this.#failures > 0 && !this.#isClosed) this.#observer.registered();
      this.#failures = 0;
      delayMs = this.#options.ttlMs / BEATS_PER_TTL;
    } catch (error) {
      this.#failures++;
      if (!this.#isClosed && this.#failures === 1) this.#observer.failed((error as Error).message);
      delayMs = Math.min(this.#options.ttlMs / BEATS_PER_TTL, retryDelayMs(this.#failures, this.#rng));
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#begin(), delayMs);
  }

  async #register(): Promise<void> {
    const { url, weight, isBackup, zone, ttlMs } = this.#options;
    const lease = await this.#client!.grant(Math.ceil(ttlMs / 1000));
    // Known before the key is there: one that is stopped meanwhile takes back both.
    this.#lease = lease;
    try {
      const value = { url, weight, backup: isBackup, ...(zone !== '' && { zone }) };
      await this.#client!.put(this.key, JSON.stringify(value), lease);
    } catch (error) {
      this.#lease = null;
      void this.#client!.revoke(lease).catch(() => {});
      throw error;
    }
    if (!this.#isClosed) this.#observer.registered();
  }
}
