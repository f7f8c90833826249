import { isDeepStrictEqual } from 'node:util';
import { capacityFactors, ReportedCapacity } from '../balancing/reported-capacity.ts';
import type { FromBalancer, PoolSettings, ServerState, ServersSettings } from '../channel/messages.ts';
import type { ServerOptions } from '../config/upstream.ts';
import type { Clock } from '../core/clock.ts';
import type { Rng } from '../core/rng.ts';
import { parseServerAddress, type ServerAddress } from '../core/server-address.ts';
import { HealthCheck } from '../health/health-check.ts';
import { parseLoadReport, utilizationOf } from '../http1/load-report.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import { probeOf } from '../transports/health-probe.ts';
import type { Http1Settings } from '../transports/http1-settings.ts';
import { Http1Transport } from '../transports/http1-transport.ts';
import type { UpstreamPool } from '../transports/upstream-pool.ts';
import type { Place } from './ports.ts';
import { SilenceWatch } from './silence-watch.ts';
import { http1SettingsOf, upstreamPoolOf } from './upstream-settings.ts';

/** Nobody has been there for so long: requests are answered at once, no longer kept waiting. */
const HOPELESS_MS = 10_000;

/** What a client that is refused then is asked to wait. s */
const RETRY_AFTER_SECONDS = 2;

/** Of one server, reports that come faster are not looked at. */
const REPORT_INTERVAL_MS = 100;

/** The same where the policy goes by what a server has in hand just now, which is soon old. */
const IN_FLIGHT_INTERVAL_MS = 10;

/** How often servers are weighed by their reports. */
const WEIGH_INTERVAL_MS = 1_000;

/** A weight that differs by less is left as it is. */
const NOTABLE_CHANGE = 0.05;

/** Policies that give a key to the same server again and again. */
const KEYED: ReadonlySet<string> = new Set(['hash', 'maglev', 'first']);

/** One server, as far as this thread knows it. */
interface Server {
  options: ServerOptions;
  readonly transport: Http1Transport;
  readonly check: HealthCheck | null;
  /** By its own reports. */
  readonly capacity: ReportedCapacity;
  reportedAtMs: number;
  /** Finished when requests a second were last counted, and how many there were. */
  finished: number;
  rps: number;
}

export interface ServerPoolHost {
  readonly clock: Clock;
  readonly turn: FlushTurn;
  readonly rng: Rng;
  /** A number for an endpoint, unique in the thread. */
  nextEndpoint(): number;
  tell(message: FromBalancer): void;
}

/** Remote servers behind one dispatcher. */
export class ServerPool {
  readonly place: Place;
  readonly #host: ServerPoolHost;
  #settings: PoolSettings;
  #http1: Http1Settings;
  #shared: UpstreamPool;
  #silences: SilenceWatch;
  /** By url, in the order of the options. */
  readonly #servers = new Map<string, Server>();
  /** Taken out, with something still in flight. */
  readonly #leaving = new Set<Http1Transport>();
  /** Since when nobody can be picked; 0 = somebody can. */
  #emptySinceMs = 0;
  #isHopeless = false;
  #weighedAtMs = 0;

  constructor(place: Place, settings: PoolSettings & { readonly servers: ServersSettings }, host: ServerPoolHost) {
    this.place = place;
    this.#host = host;
    this.#settings = settings;
    this.#http1 = http1SettingsOf(settings.servers.upstream);
    this.#shared = upstreamPoolOf(settings.trustedProxies, host.clock, host.turn);
    this.#silences = new SilenceWatch(this.#shared, host.clock);
    this.update(settings.servers.servers);
  }

  get name(): string {
    return this.#settings.name;
  }

  /** The options have been read again: what is the same stays, with its connections and what is known of it. */
  configure(settings: PoolSettings & { readonly servers: ServersSettings }): void {
    const { trustedProxies } = this.#settings;
    const before = this.#settings.servers!.upstream;
    this.#settings = settings;
    const { upstream, servers } = settings.servers;
    if (!isDeepStrictEqual([before, trustedProxies], [upstream, settings.trustedProxies])) {
      // They are all talked to in another way.
      this.#removeAll();
      this.#http1 = http1SettingsOf(upstream);
      const old = this.#shared;
      this.#shared = upstreamPoolOf(settings.trustedProxies, this.#host.clock, this.#host.turn);
      this.#silences = new SilenceWatch(this.#shared, this.#host.clock);
      old.closeWhenEmpty();
    }
    this.update(servers);
  }

  /** These are the servers from now on. */
  update(servers: readonly ServerOptions[]): void {
    this.place.dispatcher.pool.changeTogether(() => this.#update(servers));
  }

  #update(servers: readonly ServerOptions[]): void {
    const wanted = new Map(servers.map((server) => [server.url, server]));
    for (const url of [...this.#servers.keys()]) if (!wanted.has(url)) this.#remove(url);
    for (const options of wanted.values()) {
      const known = this.#servers.get(options.url);
      if (known !== undefined && isSamePlace(known.options, options)) {
        // One that stays the same keeps what its reports have made of its weight.
        if (known.options.weight !== options.weight) known.transport.endpoint.setWeight(options.weight);
        known.options = options;
        continue;
      }
      if (known !== undefined) this.#remove(options.url);
      this.#add(options);
    }
  }

  /** To be called now and then. */
  step(nowMs: number): void {
    this.#weigh(nowMs);
    const { dispatcher } = this.place;
    if (dispatcher.pool.usable.length > 0) {
      if (this.#isHopeless) dispatcher.setUnavailable(null);
      this.#emptySinceMs = 0;
      this.#isHopeless = false;
    } else if (this.#emptySinceMs === 0) {
      this.#emptySinceMs = nowMs;
    } else if (!this.#isHopeless && nowMs - this.#emptySinceMs > HOPELESS_MS) {
      this.#isHopeless = true;
      dispatcher.setUnavailable(RETRY_AFTER_SECONDS);
    }
  }

  /** What a server says of its load. More often than ten times a second it says nothing more. */
  #reported(url: string, text: string, binary: string): void {
    const server = this.#servers.get(url);
    const { nowMs } = this.#host.clock;
    if (server === undefined || nowMs - server.reportedAtMs < this.#reportIntervalMs) return;
    if (this.#settings.servers!.upstream.loadReports === 'off') return;
    server.reportedAtMs = nowMs;
    const report = parseLoadReport(text, binary);
    if (report === null) return;
    if (report.inFlight >= 0) server.transport.endpoint.reported(report.inFlight, nowMs);
    const utilization = utilizationOf(report);
    server.transport.loopUtilization = utilization;
    if (utilization >= 0) server.capacity.report(utilization, report.rps >= 0 ? report.rps : server.rps, nowMs);
  }

  get #reportIntervalMs(): number {
    return this.#settings.policy === 'prequal' ? IN_FLIGHT_INTERVAL_MS : REPORT_INTERVAL_MS;
  }

  /** Weighs servers by what they can do, as far as they say. */
  #weigh(nowMs: number): void {
    const sinceMs = nowMs - this.#weighedAtMs;
    if (sinceMs < WEIGH_INTERVAL_MS) return;
    this.#weighedAtMs = nowMs;
    const servers = [...this.#servers.values()];
    for (const server of servers) {
      const { finished } = server.transport.endpoint;
      server.rps = ((finished - server.finished) * 1000) / sinceMs;
      server.finished = finished;
    }
    // Keys would move with every change of a weight.
    if (KEYED.has(this.#settings.policy)) return;
    const factors = capacityFactors(servers.map(({ capacity }) => capacity.at(nowMs)));
    for (const [i, { transport, options }] of servers.entries()) {
      const weight = options.weight * factors[i]!;
      const { endpoint } = transport;
      if (Math.abs(weight - endpoint.weight) > endpoint.weight * NOTABLE_CHANGE) endpoint.setWeight(weight);
    }
  }

  /** Takes nothing new; what is in flight is finished. */
  drain(): void {
    this.#removeAll();
    this.#shared.closeWhenEmpty();
  }

  close(): void {
    for (const { transport, check } of this.#servers.values()) {
      check?.close();
      transport.close();
    }
    for (const transport of this.#leaving) transport.close();
    this.#silences.close();
    this.#servers.clear();
    this.#shared.close();
  }

  #add(options: ServerOptions): void {
    const address = parseServerAddress(options.url) as ServerAddress;
    const { url } = options;
    const transport: Http1Transport = new Http1Transport(
      this.#host.nextEndpoint(),
      address,
      this.#http1,
      this.#shared,
      {
        onUnreachable: (reason) => this.#tell(url, transport, reason),
        onReachable: () => this.#tell(url, transport, ''),
        onLoad: (text, binary) => this.#reported(url, text, binary),
        onIdle: () => this.#leaving.delete(transport),
      },
    );
    const { endpoint } = transport;
    endpoint.identity = url;
    endpoint.tier = options.isBackup ? 1 : 0;
    endpoint.zone = options.zone;
    endpoint.setWeight(options.weight);
    const { health, checksStalls } = this.#settings.servers!.upstream;
    const probe = probeOf(address, transport.tls);
    const check =
      health === null
        ? null
        : new HealthCheck(health, probe, this.#host.rng, (isHealthy, reason) => {
            endpoint.setHealthy(isHealthy);
            this.#tell(url, transport, reason);
          });
    this.#servers.set(url, {
      ...{ options, transport, check },
      ...{ capacity: new ReportedCapacity(), reportedAtMs: 0, finished: 0, rps: 0 },
    });
    if (checksStalls) {
      this.#silences.add(transport, probe, health, {
        onStalled: (silentMs) => this.#tell(url, transport, `it has answered nothing for ${Math.round(silentMs)} ms`),
        onRecovered: () => this.#tell(url, transport, ''),
        isElsewhereWell: (sinceMs) => this.#isElsewhereWell(transport, sinceMs),
      });
    }
    endpoint.join(this.place.dispatcher.pool);
    // It may have been told to be down as it was talked to before.
    if (check === null) this.#tell(url, transport, '');
  }

  /** Where it stands now. A reason is told of what is wrong only. */
  #tell(server: string, transport: Http1Transport, reason: string): void {
    const state = stateOf(transport);
    this.#host.tell({ type: 'server-state', pool: this.name, server, state, reason: state === 'up' ? '' : reason });
  }

  #isElsewhereWell(silent: Http1Transport, sinceMs: number): boolean {
    for (const { transport } of this.#servers.values()) {
      if (transport === silent || !transport.endpoint.isUsable) continue;
      if (transport.heardAtMs > sinceMs || transport.owesSinceMs === 0) return true;
    }
    return false;
  }

  #removeAll(): void {
    this.place.dispatcher.pool.changeTogether(() => {
      for (const url of [...this.#servers.keys()]) this.#remove(url);
    });
  }

  #remove(url: string): void {
    const { transport, check } = this.#servers.get(url)!;
    this.#servers.delete(url);
    check?.close();
    this.#silences.remove(transport);
    this.#leaving.add(transport);
    transport.drain();
  }
}

/** Only its weight may differ. */
function isSamePlace(a: ServerOptions, b: ServerOptions): boolean {
  return a.isBackup === b.isBackup && a.zone === b.zone;
}

/** The worst that is known of it. */
function stateOf({ isReachable, endpoint }: Http1Transport): ServerState {
  if (!isReachable) return 'unreachable';
  if (!endpoint.isHealthy) return 'unhealthy';
  return endpoint.isStalled ? 'stalled' : 'up';
}
