import { setTimeout as sleep } from 'node:timers/promises';
import { SessionTable } from '../balancing/session-table.ts';
import type {
  BalancerBirth,
  BalancerSettings,
  FromBalancer,
  FromSupervisor,
  InFlightRequest,
} from '../channel/messages.ts';
import { AcceptPause } from '../clients/accept-pause.ts';
import { ClientAdmission } from '../clients/client-admission.ts';
import { ClientRegistry } from '../clients/client-context.ts';
import { AddressRanges } from '../core/address-ranges.ts';
import { Clock } from '../core/clock.ts';
import { XorShift } from '../core/rng.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { fingerprintOf } from '../exchange/quarantine.ts';
import { FlushTurn } from '../link/flush-turn.ts';
import type { ListenRequest } from '../link/frames.ts';
import { BEAT_MS } from '../link/ledger.ts';
import { Counters } from '../observability/counters.ts';
import { WorkerMeter } from '../observability/worker-meter.ts';
import { LinkServer } from '../transports/link-server.ts';
import type { LinkTransport } from '../transports/link-transport.ts';
import { HttpWorkers } from './http-workers.ts';
import { Listens } from './listens.ts';
import { type AheadAnswer, Ports } from './ports.ts';
import { ServerPools } from './server-pools.ts';
import { ThreadLog } from './thread-log.ts';
import { ticketKeysOf } from './ticket-keys.ts';
import { Trials } from './trials.ts';
import { checkWorker } from './worker-check.ts';

/** A beat that comes this late says that this thread was held up, and proves nothing about workers. */
const LATE_BEAT_MS = 2 * BEAT_MS;

/** A worker whose event loop turns answers within a millisecond, a busy one within a few. */
const PROBE_LIMIT_MS = 250;

/** A worker whose last answer is out may be at work behind it for so long. */
const LAST_TURN_MS = 5_000;

/** Clients that wait in the kernel's queue are let in before we drain: more than that takes on a machine that is busy with much else. */
const LET_IN_LIMIT_MS = 5_000;

/** As many messages are gathered for workers and servers at most: some 0.5 ms of this thread's work. */
const GATHER_MESSAGES = 64;

/** How WebSockets are closed (RFC 6455 section 7.4.1 and IANA's registry): of a worker that is replaced, and when all ends. */
const SERVICE_RESTART = 1012;
const GOING_AWAY = 1001;

/** One balancer thread: ports, clients and links, put together. Wiring; the logic lies in the rooms below. */
export class Balancer {
  readonly #tell: (message: FromBalancer) => void;
  readonly #clock = new Clock();
  readonly #thread: number;
  readonly #counters: Counters;
  readonly #log: ThreadLog;
  readonly #clients: ClientRegistry;
  readonly #admission: ClientAdmission;
  readonly #pause: AcceptPause;
  readonly #threads: number;
  readonly #links: LinkServer;
  readonly #ports: Ports;
  readonly #servers: ServerPools;
  readonly #httpWorkers: HttpWorkers;
  readonly #trials: Trials;
  /** As they were told last. */
  #settings: BalancerSettings;
  readonly #listens: Listens;
  /** Workers that finish what they have. */
  readonly #draining = new Set<number>();
  /** Those of them that have answered all, and were asked whether their event loop turns. */
  readonly #turning = new Set<number>();
  readonly #beat: NodeJS.Timeout;
  #lastBeatMs = performance.now();
  #isDraining = false;

  constructor(birth: BalancerBirth, tell: (message: FromBalancer) => void) {
    this.#tell = tell;
    this.#thread = birth.thread;
    this.#counters = new Counters(birth.meter, birth.thread);
    this.#log = new ThreadLog(this.#counters, tell);
    this.#log.configure(birth.settings.accessLog);
    this.#clients = new ClientRegistry(this.#clock, (id, end) => {
      for (const link of this.#links.links) link.connectionClosed(id, end);
      this.#admission.closed(id);
      this.#pause.left();
    });
    this.#admission = new ClientAdmission(this.#clients, this.#counters);
    this.#pause = new AcceptPause(this.#admission, this.#counters);
    this.#threads = birth.threads;
    this.#limitConnections(birth.settings);
    const turn = new FlushTurn(GATHER_MESSAGES);
    this.#links = new LinkServer(turn, this.#clock, {
      onLinked: (worker, pid, link) => {
        this.#listens.linked(link);
        this.#trials.joining(worker, link.endpoint);
        this.#tell({ type: 'worker-linked', worker, pid });
      },
      onListen: (worker, link, listenId, request) => this.#listens.listen(worker, link, listenId, request),
      onUnlisten: (_worker, link, listenId) => this.#listens.unlisten(link, listenId),
      onConnectionClosed: (id, isKept, link) => {
        // Where there are others, the app's own sweep of its idle connections is no reason to part with a client.
        if (!isKept || this.#isAlone(link)) this.#clients.get(id)?.closeAfterResponse();
      },
      onProbes: (id, isOn, afterSeconds) => this.#clients.get(id)?.probe(isOn, afterSeconds),
      onIdle: () => this.#reportDrained(),
      onMetrics: (worker, question, json) => this.#tell({ type: 'app-metrics', worker, question, json }),
      onStalled: (worker, silentMs, isTurning) => this.#tell({ type: 'worker-stalled', worker, silentMs, isTurning }),
      onRecovered: (worker, silentMs) => this.#tell({ type: 'worker-recovered', worker, silentMs }),
      onTurning: (worker) => this.#tell({ type: 'worker-turning', worker }),
      onUnlinked: (worker, link, isProtocolError, detail) => this.#onUnlinked(worker, link, isProtocolError, detail),
    });
    const rng = new XorShift();
    this.#ports = new Ports(birth.settings.pools, {
      thread: birth.thread,
      threads: birth.threads,
      activated: birth.activated,
      opened: birth.opened,
      counters: this.#counters,
      log: this.#log,
      clients: this.#clients,
      admission: this.#admission,
      pause: this.#pause,
      affinity: {
        sessions: new SessionTable(birth.sessions, birth.thread),
        secret: birth.secret,
        rng,
      },
      rng,
      tell,
    });
    this.#settings = birth.settings;
    let endpoints = 0;
    // Links number theirs by themselves, and are never in one pool with servers.
    const nextEndpoint = (): number => ++endpoints;
    this.#servers = new ServerPools(this.#ports, { clock: this.#clock, turn, rng, nextEndpoint, tell });
    this.#httpWorkers = new HttpWorkers(this.#ports, {
      clock: this.#clock,
      turn,
      rng,
      thread: birth.thread,
      nextEndpoint,
      tell,
      onIdle: () => this.#reportDrained(),
      onJoining: (worker, endpoint) => this.#trials.joining(worker, endpoint),
    });
    const isDraining = (): boolean => this.#isDraining;
    this.#listens = new Listens({
      ports: this.#ports,
      get isDraining() {
        return isDraining();
      },
      poolOf: (worker) => this.#links.poolOf(worker),
      isServedElsewhere: (worker) => this.#httpWorkers.has(worker),
      ticketKeysOf: (place) => ticketKeysOf(birth.secret, place),
      tell,
    });
    this.#trials = new Trials({
      thread: birth.thread,
      rng,
      places: () => this.#ports.places(),
      endpointOf: (worker) => this.#links.linkOf(worker)?.endpoint ?? this.#httpWorkers.endpointOf(worker),
      exchangesOf: (worker) => this.#exchangesOf(worker),
    });
    this.#beat = setInterval(() => this.#onBeat(), BEAT_MS);
  }

  /** Opens a port before its worker tells of the listener: see `src/loopback/`. */
  openAhead(pool: string, request: ListenRequest): Promise<AheadAnswer> {
    return this.#ports.openAhead(pool, request);
  }

  closeAhead(listener: number): void {
    this.#ports.closeAhead(listener);
  }

  async start(linkPath: string): Promise<void> {
    await this.#links.listen(linkPath);
    this.#tell({ type: 'ready' });
    this.#servers.configure(this.#settings.pools);
  }

  receive(message: FromSupervisor): void {
    switch (message.type) {
      case 'expect-worker':
        this.#links.expect(message.worker, {
          pool: message.pool,
          slot: message.slot,
          token: message.token,
          isHeld: message.isHeld,
          meter: new WorkerMeter(message.meter, this.#thread),
        });
        break;
      case 'serve-worker':
        this.#httpWorkers.serve(message);
        break;
      case 'admit-worker':
        if (this.#draining.has(message.worker)) break;
        this.#links.admit(message.worker);
        this.#httpWorkers.admit(message.worker);
        break;
      case 'check-worker':
        this.#check(message.worker, message.check, message.path);
        break;
      case 'forget-worker':
        this.#draining.delete(message.worker);
        this.#turning.delete(message.worker);
        this.#links.forget(message.worker);
        this.#httpWorkers.forget(message.worker);
        this.#tell({ type: 'worker-forgotten', worker: message.worker });
        break;
      case 'drain-worker':
        this.#draining.add(message.worker);
        this.#links.hold(message.worker);
        this.#links.linkOf(message.worker)?.drain(message.withinMs, SERVICE_RESTART);
        this.#httpWorkers.drain(message.worker);
        this.#reportDrained();
        break;
      case 'trial':
        this.#trials.set(message.pool, message.trial, this.#clock.tick());
        break;
      case 'describe-worker':
        this.#describeWorker(message.worker, message.question);
        break;
      case 'ask-metrics':
        for (const worker of message.workers) this.#links.linkOf(worker)?.askMetrics(message.question);
        break;
      case 'unavailable':
        this.#ports.setUnavailable(message.pool, message.retryAfterSeconds);
        break;
      case 'quarantine':
        this.#ports.setQuarantine(message.pool, message.suspects, message.refused);
        break;
      case 'reopen-link':
        void this.#links.reopen().catch(() => {});
        break;
      case 'reopen-log':
        this.#log.reopen();
        break;
      case 'log-written':
        this.#log.written(message.bytes);
        break;
      case 'configure':
        this.#settings = message.settings;
        this.#log.configure(message.settings.accessLog);
        this.#limitConnections(message.settings);
        this.#ports.configure(message.settings.pools);
        this.#servers.configure(message.settings.pools);
        break;
      case 'pool-servers':
        this.#servers.setServers(message.pool, message.servers);
        break;
      case 'adopt-port':
        this.#ports.adopt(message.opened);
        break;
      case 'drain':
        this.#drain(message.withinMs);
        break;
      case 'close':
        this.close();
        break;
    }
  }

  close(): void {
    clearInterval(this.#beat);
    this.#ports.closeListeners();
    this.#pause.close();
    this.#clients.destroyAll();
    this.#links.close();
    this.#servers.close();
    this.#log.close();
    this.#httpWorkers.close();
  }

  /** Asks one worker a question of our own, past policy and queue. */
  #check(worker: number, check: number, path: string): void {
    const tell = (status: number): void => this.#tell({ type: 'worker-checked', worker, check, status });
    if (this.#httpWorkers.has(worker)) {
      void this.#httpWorkers.check(worker, path).then(tell);
      return;
    }
    const link = this.#links.linkOf(worker);
    const [place] = link === null ? [] : this.#listens.placesOf(link);
    if (link === null || place === undefined) tell(0);
    else checkWorker(link, path, place, this.#clients, tell);
  }

  /** Each thread has its part; of one address's connections the kernel may give it any. */
  #limitConnections(settings: BalancerSettings): void {
    const { maxConnections, isMaxOfDescriptors, maxConnectionsPerAddress: perAddress, pools } = settings;
    const total = Math.max(1, Math.floor(maxConnections / this.#threads));
    this.#pause.configure(isMaxOfDescriptors ? total : Number.POSITIVE_INFINITY);
    const proxies = [...new Set(pools.flatMap(({ trustedProxies }) => trustedProxies))];
    this.#admission.configure({
      total,
      perAddress: perAddress === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(perAddress / this.#threads)),
      proxies: proxies.length === 0 ? null : new AddressRanges(proxies),
    });
  }

  #drain(withinMs: number): void {
    this.#isDraining = true;
    for (const link of this.#links.links) link.drain(withinMs, GOING_AWAY);
    void this.#closePorts().then(() => {
      this.#clients.drain(() => void this.#tellDrained());
    });
  }

  /** All clients have been answered, and what handlers do behind that is done. */
  async #tellDrained(): Promise<void> {
    await Promise.all([...this.#links.links].map((link) => new Promise((done) => link.probe(LAST_TURN_MS, done))));
    this.#log.flush();
    this.#tell({ type: 'drained' });
  }

  /** When all who have come are in. */
  async #closePorts(): Promise<void> {
    await Promise.race([this.#pause.stop(), sleep(LET_IN_LIMIT_MS)]);
    await sleep(1);
    await this.#ports.acceptCompleted(LET_IN_LIMIT_MS);
    this.#ports.closeListeners();
  }

  #onUnlinked(worker: number, link: LinkTransport, isProtocolError: boolean, detail: string): void {
    const nowMs = this.#clock.tick();
    this.#listens.unlinked(link);
    const lost = link.takeInFlight();
    this.#tell({
      type: 'worker-unlinked',
      worker,
      reason: isProtocolError ? 'protocol' : 'closed',
      detail,
      inFlight: lost.map((exchange) => describe(exchange, nowMs)),
    });
    for (const exchange of lost) exchange.onEndpointLost(nowMs);
    this.#drained(worker);
  }

  #onBeat(): void {
    const nowMs = this.#clock.tick();
    const isLate = nowMs - this.#lastBeatMs > LATE_BEAT_MS;
    this.#lastBeatMs = nowMs;
    if (!isLate) for (const link of this.#links.links) link.beat(nowMs);
    this.#pause.step(nowMs);
    for (const { dispatcher } of this.#ports.places()) dispatcher.expire(nowMs);
    this.#servers.step(nowMs);
    this.#trials.step(nowMs);
    this.#ports.step(nowMs);
    this.#reportDrained();
  }

  /** What a handler does behind its answer is part of it: a worker is through when its event loop has turned once more. */
  #reportDrained(): void {
    for (const worker of this.#draining) {
      if (this.#turning.has(worker) || this.#inFlightOf(worker) > 0) continue;
      const link = this.#links.linkOf(worker);
      if (link === null) {
        this.#drained(worker);
        continue;
      }
      this.#turning.add(worker);
      link.probe(LAST_TURN_MS, () => {
        if (this.#turning.delete(worker) && this.#inFlightOf(worker) === 0) this.#drained(worker);
      });
    }
  }

  #inFlightOf(worker: number): number {
    return this.#links.linkOf(worker)?.endpoint.inFlight ?? this.#httpWorkers.inFlightOf(worker) ?? 0;
  }

  #drained(worker: number): void {
    this.#turning.delete(worker);
    if (this.#draining.delete(worker)) this.#tell({ type: 'worker-drained', worker });
  }

  #describeWorker(worker: number, question: number): void {
    const link = this.#links.linkOf(worker);
    const tell = (answeredInMs: number | null): void => {
      const nowMs = this.#clock.tick();
      const inFlight = this.#exchangesOf(worker).map((exchange) => describe(exchange, nowMs));
      const loopUtilization = link?.loopUtilization ?? 0;
      this.#tell({ type: 'worker-described', worker, question, answeredInMs, loopUtilization, inFlight });
    };
    if (link === null) tell(null);
    else link.probe(PROBE_LIMIT_MS, tell);
  }

  #exchangesOf(worker: number): Exchange[] {
    return this.#links.linkOf(worker)?.inFlight() ?? this.#httpWorkers.exchangesOf(worker);
  }

  /** No other worker serves what this one does. */
  #isAlone(link: LinkTransport): boolean {
    return this.#listens.placesOf(link).every(({ dispatcher }) => dispatcher.pool.members.size <= 1);
  }
}

function describe(exchange: Exchange, nowMs: number): InFlightRequest {
  // No query: it may hold what is nobody's business.
  const [path] = exchange.target.split('?', 1);
  return {
    method: exchange.methodName,
    target: path!,
    ageMs: Math.round(nowMs - exchange.startedAtMs),
    fingerprint: exchange.isSuspect ? fingerprintOf(exchange) : null,
  };
}
