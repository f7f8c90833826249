import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RegisterOptions } from '../config/register.ts';
import { EtcdRegistration } from '../discovery/etcd-registration.ts';
import type { SupervisorEvent } from './events.ts';

/** How long those that watch the registry are given to hear that an instance goes: until then they send it requests. ms */
const NEWS_MS = 500;

interface Entry {
  readonly options: RegisterOptions;
  readonly registration: EtcdRegistration;
}

/** Where this instance is known to others while it serves. */
export class Registrations {
  readonly #emit: (event: SupervisorEvent) => void;
  #entries: Entry[] = [];
  #closed: Promise<void> | null = null;

  constructor(emit: (event: SupervisorEvent) => void) {
    this.#emit = emit;
  }

  /** These are they from now on; what stays is left alone. Resolves when those that go have been taken back. */
  async configure(wanted: readonly RegisterOptions[]): Promise<void> {
    if (this.#closed !== null) return;
    await this.#apply(wanted);
  }

  /**
   * Takes all of them back, for good. Resolves when that is done and others can have heard of it, also where it was asked for
   * before.
   */
  close(): Promise<void> {
    this.#closed ??= this.#takeBack();
    return this.#closed;
  }

  async #takeBack(): Promise<void> {
    const isKnown = this.#entries.length > 0;
    await this.#apply([]);
    if (isKnown) await sleep(NEWS_MS);
  }

  async #apply(wanted: readonly RegisterOptions[]): Promise<void> {
    const before = this.#entries;
    this.#entries = wanted.map((options) => {
      return before.find((entry) => isDeepStrictEqual(entry.options, options)) ?? this.#open(options);
    });
    const gone = before.filter((entry) => !this.#entries.includes(entry));
    await Promise.all(gone.map(({ registration }) => registration.close()));
  }

  #open(options: RegisterOptions): Entry {
    const { etcd, url } = options;
    const registration = new EtcdRegistration(options, {
      registered: () => this.#emit({ type: 'registered', registry: etcd, url }),
      failed: (reason) => this.#emit({ type: 'registration-failed', registry: etcd, url, reason }),
    });
    return { options, registration };
  }
}
