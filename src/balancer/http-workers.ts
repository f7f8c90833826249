import type { FromBalancer, FromSupervisor } from '../channel/messages.ts';
import type { HealthRules } from '../config/health.ts';
import { OWN_CHILDREN, type UpstreamOptions } from '../config/upstream.ts';
import type { Clock } from '../core/clock.ts';
import type { Rng } from '../core/rng.ts';
import { parseServerAddress, type ServerAddress } from '../core/server-address.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Transport } from '../exchange/transport.ts';
import { HealthCheck, type Probe } from '../health/health-check.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import type { ListenRequest } from '../link/frames.ts';
import { WorkerMeter } from '../observability/worker-meter.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import { probeOf } from '../transports/health-probe.ts';
import { Http1Transport } from '../transports/http1-transport.ts';
import type { UpstreamPool } from '../transports/upstream-pool.ts';
import type { Place, Ports } from './ports.ts';
import { SERVER_LIMITS } from './server-pools.ts';
import { http1SettingsOf, upstreamPoolOf } from './upstream-settings.ts';

/** A child that does not answer its checks for so long is stalled; one that answers with 500 is not. */
const ALIVE: Pick<HealthRules, 'statuses' | 'intervalMs' | 'timeoutMs' | 'rise' | 'fall'> = {
  statuses: [[100, 599]],
  intervalMs: 1_000,
  timeoutMs: 1_000,
  rise: 1,
  fall: 2,
};

/** Longest wait for the answer to a question of readiness. */
const CHECK_LIMIT_MS = 5_000;

interface HttpWorker {
  readonly place: Place;
  readonly transport: Http1Transport;
  readonly probe: Probe;
  readonly check: HealthCheck | null;
}

export interface HttpWorkersHost {
  readonly clock: Clock;
  readonly turn: FlushTurn;
  readonly rng: Rng;
  /** Of this thread. */
  readonly thread: number;
  nextEndpoint(): number;
  tell(message: FromBalancer): void;
  /** One that is given nothing new may have finished what it had. */
  onIdle(): void;
  /** It is about to join its pool. */
  onJoining(worker: number, endpoint: Endpoint<Transport>): void;
}

type ServeWorker = Extract<FromSupervisor, { type: 'serve-worker' }>;

/** Workers that are no Node under our preload: each is a server on an address of its own, which the supervisor gave it. */
export class HttpWorkers {
  readonly #ports: Ports;
  readonly #host: HttpWorkersHost;
  readonly #workers = new Map<number, HttpWorker>();
  /** Those that wait for their port to be opened, and whether they are to get requests then. */
  readonly #coming = new Map<number, boolean>();
  /** By the proxies that are trusted, in JSON. */
  readonly #shared = new Map<string, UpstreamPool>();

  constructor(ports: Ports, host: HttpWorkersHost) {
    this.#ports = ports;
    this.#host = host;
  }

  has(worker: number): boolean {
    return this.#workers.has(worker);
  }

  /** In flight with it; null = it is none of these. */
  inFlightOf(worker: number): number | null {
    return this.#workers.get(worker)?.transport.endpoint.inFlight ?? null;
  }

  /** null = it is none of these. */
  endpointOf(worker: number): Endpoint<Transport> | null {
    return this.#workers.get(worker)?.transport.endpoint ?? null;
  }

  /** What it has in hand. */
  exchangesOf(worker: number): Exchange[] {
    return this.#workers.get(worker)?.transport.inFlight() ?? [];
  }

  /** It accepts connections. */
  serve(message: ServeWorker): void {
    const { worker, pool } = message;
    const place = this.#ports.placeFor(pool, requestOf(message), 0);
    if (place === null) {
      const { host, port } = message;
      this.#host.tell({ type: 'listen-failed', worker, code: 'EADDRINUSE', address: host, port });
      return;
    }
    this.#coming.set(worker, !message.isHeld);
    this.#ports.whenOpened(place.port, (answer) => {
      const isAdmitted = this.#coming.get(worker);
      // Its process has ended meanwhile, and its address may be another's soon.
      if (isAdmitted === undefined) return;
      if (answer.ok || place.port.lost === null) this.#coming.delete(worker);
      if (!answer.ok) {
        this.#host.tell({
          type: 'listen-failed',
          worker,
          code: answer.code,
          address: message.host,
          port: message.port,
        });
        return;
      }
      this.#add(message, place, isAdmitted);
      this.#host.tell({ type: 'worker-linked', worker, pid: 0 });
      const listener = { host: answer.address, port: answer.port, path: null, protocol: 'http' } as const;
      this.#host.tell({ type: 'worker-listening', worker, listener });
    });
  }

  admit(worker: number): void {
    this.#setEnabled(worker, true);
  }

  /** It gets nothing new. */
  drain(worker: number): void {
    this.#setEnabled(worker, false);
  }

  #setEnabled(worker: number, isEnabled: boolean): void {
    if (this.#coming.has(worker)) this.#coming.set(worker, isEnabled);
    this.#workers.get(worker)?.transport.endpoint.setEnabled(isEnabled);
  }

  /** Its process has ended. */
  forget(worker: number): void {
    this.#coming.delete(worker);
    const one = this.#workers.get(worker);
    if (one === undefined) return;
    this.#workers.delete(worker);
    one.check?.close();
    one.transport.close();
    this.#host.tell({ type: 'worker-unlinked', worker, reason: 'forgotten', detail: '', inFlight: [] });
    this.#ports.leaveIfForsaken(one.place);
  }

  /** Whether it answers GET for this path. @returns its status; 0 = there was none */
  async check(worker: number, path: string): Promise<number> {
    const one = this.#workers.get(worker);
    if (one === undefined) return 0;
    const rules = { ...rulesFor(path), timeoutMs: CHECK_LIMIT_MS };
    return (await one.probe(rules, new AbortController().signal)).status;
  }

  close(): void {
    for (const { transport, check } of this.#workers.values()) {
      check?.close();
      transport.close();
    }
    for (const shared of this.#shared.values()) shared.close();
  }

  #add(message: ServeWorker, place: Place, isAdmitted: boolean): void {
    const { worker, slot, url, healthPath } = message;
    const address = parseServerAddress(url) as ServerAddress;
    const transport = new Http1Transport(this.#host.nextEndpoint(), address, SETTINGS, this.#sharedOf(place), {
      // The supervisor knows better than a connection what a child is about.
      onUnreachable: () => {},
      onReachable: () => {},
      onLoad: () => {},
      onIdle: () => {},
    });
    const { endpoint } = transport;
    endpoint.identity = String(slot);
    endpoint.incarnation = worker;
    transport.meter = new WorkerMeter(message.meter, this.#host.thread);
    transport.meter.unlinked();
    transport.onDisabledIdle = () => this.#host.onIdle();
    const probe = probeOf(address, null);
    const check = healthPath === null ? null : this.#watch(worker, transport, probe, healthPath);
    this.#workers.set(worker, { place, transport, probe, check });
    if (!isAdmitted) endpoint.setEnabled(false);
    this.#host.onJoining(worker, endpoint);
    endpoint.join(place.dispatcher.pool);
  }

  #sharedOf({ settings: { trustedProxies } }: Place): UpstreamPool {
    const key = JSON.stringify(trustedProxies);
    const shared = this.#shared.get(key) ?? upstreamPoolOf(trustedProxies, this.#host.clock, this.#host.turn);
    this.#shared.set(key, shared);
    return shared;
  }

  /** Stalled is what does not answer at all. */
  #watch(worker: number, transport: Http1Transport, probe: Probe, path: string): HealthCheck {
    let silentSinceMs = 0;
    return new HealthCheck({ ...rulesFor(path), ...ALIVE }, probe, this.#host.rng, (isAlive) => {
      const nowMs = performance.now();
      transport.endpoint.setStalled(!isAlive);
      transport.meter?.setStalled(!isAlive);
      if (isAlive && silentSinceMs === 0) return;
      if (!isAlive) silentSinceMs = nowMs - ALIVE.timeoutMs * ALIVE.fall;
      const silentMs = nowMs - silentSinceMs;
      if (isAlive) this.#host.tell({ type: 'worker-recovered', worker, silentMs });
      else this.#host.tell({ type: 'worker-stalled', worker, silentMs, isTurning: false });
    });
  }
}

const SETTINGS = http1SettingsOf(OWN_CHILDREN satisfies UpstreamOptions);

function requestOf({ host, port }: ServeWorker): ListenRequest {
  return {
    host,
    port,
    path: null,
    pathMode: 0,
    backlog: 0,
    ipv6Only: false,
    protocol: 'http',
    server: SERVER_LIMITS,
    opened: null,
  };
}

function rulesFor(path: string): HealthRules {
  return {
    type: 'http',
    method: 'GET',
    path,
    host: 'localhost',
    statuses: [[200, 399]],
    body: null,
    intervalMs: 0,
    timeoutMs: 0,
    rise: 1,
    fall: 1,
  };
}
