import { strict as assert } from 'node:assert';
import { createPolicy } from '../balancing/policies.ts';
import type { FromBalancer, PoolSettings } from '../channel/messages.ts';
import type { Clock } from '../core/clock.ts';
import type { Rng } from '../core/rng.ts';
import { Affinity, type AffinityParts } from '../exchange/affinity.ts';
import { ClientAddresses } from '../exchange/client-addresses.ts';
import { Dispatcher } from '../exchange/dispatcher.ts';
import { Quarantine } from '../exchange/quarantine.ts';
import { RetryBudget } from '../exchange/retry-budget.ts';
import type { Transport } from '../exchange/transport.ts';
import { WaitQueue } from '../exchange/wait-queue.ts';
import type { OutlierEvents } from '../health/outliers.ts';
import { PoolMeter } from '../observability/pool-meter.ts';
import { Pool, type PoolTraits } from '../pool/pool.ts';
import { RETURN_MS } from '../pool/slow-start.ts';
import { OwnLoad, SystemLoad } from './own-load.ts';
import type { ThreadLog } from './thread-log.ts';

export interface DispatchersHost {
  /** Index of this thread. */
  readonly thread: number;
  readonly threads: number;
  readonly clock: Clock;
  readonly log: ThreadLog;
  readonly affinity: AffinityParts;
  readonly rng: Rng;
  tell(message: FromBalancer): void;
}

/** Makes the dispatchers of a balancer thread, one for what a pool has on a port, and keeps what all of a pool's share. */
export class Dispatchers {
  readonly #host: DispatchersHost;
  readonly #budget = new RetryBudget();
  /** By pool; none for one in which nobody is suspected. */
  readonly #quarantines = new Map<string, Quarantine>();
  /** By pool: no worker is expected for so long. s */
  readonly #unavailable = new Map<string, number | null>();
  /** By pool: one meter for all that it has on ports. */
  readonly #meters = new Map<string, PoolMeter>();
  readonly #system = new SystemLoad();

  constructor(host: DispatchersHost) {
    this.#host = host;
  }

  make(settings: PoolSettings): Dispatcher {
    const { name, queueLimit, queueTimeoutMs } = settings;
    const { clock } = this.#host;
    const pool = new Pool<Transport>(this.#traitsOf(settings), clock);
    const queue = new WaitQueue(queueLimit, queueTimeoutMs);
    const meter = this.#meterOf(settings);
    const dispatcher = new Dispatcher(pool, this.#policyOf(settings), queue, this.#budget, meter, clock);
    dispatcher.responseTimeoutMs = settings.responseTimeoutMs;
    this.#apply(dispatcher, settings);
    dispatcher.setUnavailable(this.#unavailable.get(name) ?? null);
    dispatcher.quarantine = this.#quarantines.get(name) ?? null;
    return dispatcher;
  }

  /** Its pool's settings are these from now on. */
  configure(dispatcher: Dispatcher, settings: PoolSettings): void {
    const { queueLimit, queueTimeoutMs, responseTimeoutMs } = settings;
    dispatcher.configure(this.#policyOf(settings), queueLimit, queueTimeoutMs, responseTimeoutMs);
    dispatcher.pool.configure(this.#traitsOf(settings));
    this.#apply(dispatcher, settings);
  }

  #apply(dispatcher: Dispatcher, settings: PoolSettings): void {
    const { name, hedgeMs, outlier } = settings;
    dispatcher.hedgeMs = hedgeMs;
    dispatcher.reporter = this.#reporterOf(dispatcher.pool, settings);
    dispatcher.log = this.#host.log.current?.forPool(name) ?? null;
    this.#bind(dispatcher, settings);
    dispatcher.watchOutliers(outlier, this.#outlierEventsOf(name));
  }

  /** @param dispatchers those of the pool that are in use */
  setUnavailable(pool: string, retryAfterSeconds: number | null, dispatchers: Iterable<Dispatcher>): void {
    this.#unavailable.set(pool, retryAfterSeconds);
    for (const dispatcher of dispatchers) dispatcher.setUnavailable(retryAfterSeconds);
  }

  /** Requests of a pool that workers have died of. @param dispatchers as above */
  setQuarantine(
    pool: string,
    suspects: readonly string[],
    refused: readonly string[],
    dispatchers: Iterable<Dispatcher>,
  ): void {
    const acquit = (fingerprint: string): void => this.#host.tell({ type: 'request-acquitted', pool, fingerprint });
    const isEmpty = suspects.length === 0 && refused.length === 0;
    const quarantine = isEmpty ? null : new Quarantine(suspects, refused, acquit);
    if (quarantine === null) this.#quarantines.delete(pool);
    else this.#quarantines.set(pool, quarantine);
    for (const dispatcher of dispatchers) dispatcher.quarantine = quarantine;
  }

  /** To be called now and then, with all that are in use. */
  step(nowMs: number, dispatchers: Iterable<Dispatcher>): void {
    let isReporting = false;
    for (const { reporter } of dispatchers) {
      if (!(reporter instanceof OwnLoad)) continue;
      if (!isReporting) this.#system.step(nowMs);
      isReporting = true;
      reporter.step(nowMs);
    }
  }

  #traitsOf({ zone, slowStartMs, maxConcurrency }: PoolSettings): PoolTraits {
    const part = Math.max(1, Math.floor(maxConcurrency / this.#host.threads));
    // Newcomers may have no window; what comes back has one.
    const returnMs = slowStartMs > 0 ? slowStartMs : RETURN_MS;
    return { zone, slowStartMs, returnMs, maxRequests: maxConcurrency === 0 ? Number.POSITIVE_INFINITY : part };
  }

  #policyOf(settings: PoolSettings): NonNullable<ReturnType<typeof createPolicy>> {
    const policy = createPolicy(settings.policy, this.#host.rng, settings);
    assert(policy !== null, `the supervisor lets only known policies through, not '${settings.policy}'`);
    return policy;
  }

  #meterOf({ name, meter: block }: PoolSettings): PoolMeter {
    let meter = this.#meters.get(name);
    if (meter === undefined) {
      meter = new PoolMeter(block, this.#host.thread);
      this.#meters.set(name, meter);
    }
    return meter;
  }

  #reporterOf(pool: Pool<Transport>, { reportLoad, meter }: PoolSettings): OwnLoad | null {
    return reportLoad === 'off' ? null : new OwnLoad(reportLoad === 'always', pool, meter, this.#system);
  }

  #bind(dispatcher: Dispatcher, { name, sticky, hashKey, trustedProxies }: PoolSettings): void {
    dispatcher.addresses = trustedProxies.length === 0 ? null : new ClientAddresses(trustedProxies);
    const isSticky = sticky.learnsSessions || sticky.cookie !== null || sticky.hash !== null;
    const affinity = isSticky ? new Affinity(sticky, dispatcher.pool, name, this.#host.affinity) : null;
    dispatcher.bind(affinity, hashKey);
  }

  #outlierEventsOf(pool: string): OutlierEvents<Transport> {
    const { tell } = this.#host;
    return {
      onEjected: ({ identity }, ejection) => tell({ type: 'endpoint-ejected', pool, endpoint: identity, ...ejection }),
      onReturned: ({ identity }, cause) => tell({ type: 'endpoint-returned', pool, endpoint: identity, cause }),
    };
  }
}
