import type { ListenerAddress } from './channel/messages.ts';
import type { EvenerOptions, ServersEntry } from './config/options.ts';
import { resolveOptions } from './config/resolve.ts';
import { EvenerError } from './core/evener-error.ts';
import { supervisorOf } from './load.ts';
import type { IncidentRing } from './observability/incident-ring.ts';
import type { SupervisorListener } from './supervision/events.ts';
import type { PoolView } from './supervision/server-watch.ts';

/** Servers, or pools of them, and what an instance has beside its apps. */
export interface BalancerOptions
  extends ServersEntry,
    Pick<EvenerOptions, 'name' | 'threads' | 'admin' | 'accessLog' | 'notify' | 'onIncident' | 'register' | 'pools'> {}

/** A balancer in front of servers. It runs no app and has no workers. */
export interface Balancer {
  /** Resolves when everything has ended: null when it was asked to, else why it gave up. */
  readonly closed: Promise<EvenerError | null>;
  /** Where each pool is reached, and how its servers and the places where they are found fare; copies. */
  readonly pools: readonly PoolView[];
  /** What has gone wrong, and what of it lasts. */
  readonly incidents: IncidentRing;
  /**
   * Resolves when every pool accepts.
   * @returns where, in the order of the pools
   * @throws EvenerError EVENER_START_FAILED when an address cannot be opened; everything has been ended then
   */
  start(): Promise<readonly ListenerAddress[]>;
  /** Calls the listener with every event; the answer takes it off again. */
  subscribe(listener: SupervisorListener): () => void;
  /**
   * These are the options from now on, beside those that stay as they are. Servers that stay keep their connections, those
   * that go finish what they have.
   * @throws EvenerError EVENER_CONFIG_INVALID, EVENER_RELOAD_FAILED: those of before hold; EVENER_NOT_RUNNING
   */
  update(options: BalancerOptions): Promise<void>;
  /** Stops accepting, lets what is in flight finish up to the drain limit. */
  close(): Promise<void>;
  /** Ends everything at once. */
  kill(): Promise<void>;
}

/**
 * Balances servers that run elsewhere, once `start()` is called. Installs no signal handlers.
 * @throws EvenerError EVENER_CONFIG_INVALID
 */
export function createBalancer(options: BalancerOptions): Balancer {
  let current = withoutApps(options);
  const supervisor = supervisorOf(resolveOptions(current), async () => resolveOptions(current));
  return {
    closed: supervisor.closed,
    incidents: supervisor.incidents,
    get pools() {
      return supervisor.pools;
    },
    async start() {
      await supervisor.start();
      return supervisor.pools.map(({ address }) => address!);
    },
    subscribe: (listener) => supervisor.subscribe(listener),
    async update(changed) {
      const before = current;
      const next = withoutApps({ ...current, ...changed });
      // What is wrong with it is told before anything is done.
      resolveOptions(next);
      current = next;
      try {
        await supervisor.reload();
      } catch (error) {
        if (current === next) current = before;
        throw error;
      }
    },
    close: () => supervisor.close(),
    kill: () => supervisor.kill(),
  };
}

function withoutApps(options: BalancerOptions): BalancerOptions {
  for (const key of ['app', 'apps']) {
    if ((options as Record<string, unknown>)[key] === undefined) continue;
    const message = `${key}: expected nothing, since createBalancer runs no app: createSupervisor does`;
    throw new EvenerError('EVENER_CONFIG_INVALID', message, { key });
  }
  return options;
}
