import type { ListenerAddress } from '../channel/messages.ts';
import type {
  AppStatus,
  ServerStatus,
  SourceStatus,
  WorkerStatus,
  WorkerStatusState,
} from '../control/control-target.ts';
import type { Meters } from '../observability/meters.ts';
import type { RecentRates } from '../observability/recent-rates.ts';
import type { Ejections } from './ejections.ts';
import type { MemoryWatch } from './memory-watch.ts';
import type { ServerWatch } from './server-watch.ts';
import type { WorkerFleet } from './worker-fleet.ts';
import type { WorkerProcess } from './worker-process.ts';
import type { WorkerSlot } from './worker-slot.ts';
import { WorkerState } from './worker-state.ts';

/** Where the numbers of a status come from. */
export interface StatusSources {
  readonly meters: Meters;
  readonly memory: MemoryWatch;
  /** By pool. */
  readonly rates: ReadonlyMap<string, RecentRates>;
  /** Addresses that are not open just now. */
  readonly lost: readonly ListenerAddress[];
}

/** @param workers of all apps */
export function appStatusOf(fleet: WorkerFleet, workers: readonly WorkerStatus[], sources: StatusSources): AppStatus {
  const { name, app } = fleet.options;
  // One that is stalled or ejected gets nothing.
  const ready = workers.filter((worker) => worker.app === name && worker.state === 'ready');
  return {
    name,
    command: app.words.join(' '),
    addresses: openOnes(fleet.addresses, sources),
    workers: { wanted: fleet.active.length, ready: ready.length },
    ...numbersOf(name, sources),
  };
}

/** A pool of servers, in the words of an app. */
export function poolStatusOf({ options, address, servers }: ServerWatch, sources: StatusSources): AppStatus {
  return {
    name: options.name,
    command: [...options.servers, ...options.sources].map(({ url }) => url).join(' '),
    addresses: address === null ? [] : openOnes([address], sources),
    workers: { wanted: servers.length, ready: servers.filter(({ state }) => state === 'up').length },
    ...numbersOf(options.name, sources),
  };
}

export function serverStatusesOf({ options, servers }: ServerWatch): ServerStatus[] {
  return servers.map((facts) => ({ pool: options.name, ...facts }));
}

/** One that is ready, and out for failing requests, is told to be so. */
export function withEjectedWorkers(workers: readonly WorkerStatus[], ejections: Ejections | null): WorkerStatus[] {
  const isOut = ({ app, slot, state }: WorkerStatus): boolean =>
    state === 'ready' && ejections !== null && ejections.reasonOf(app, String(slot)) !== null;
  return workers.map((worker) => (isOut(worker) ? { ...worker, state: 'ejected' } : worker));
}

export function withEjectedServers(servers: readonly ServerStatus[], ejections: Ejections | null): ServerStatus[] {
  return servers.map((facts) => {
    const reason = facts.state === 'up' ? (ejections?.reasonOf(facts.pool, facts.server) ?? null) : null;
    return reason === null ? facts : { ...facts, state: 'ejected', reason };
  });
}

export function sourceStatusesOf({ options, sources }: ServerWatch): SourceStatus[] {
  return sources.map((facts) => ({ pool: options.name, ...facts }));
}

function numbersOf(
  name: string,
  { meters, rates }: StatusSources,
): Omit<AppStatus, 'name' | 'command' | 'addresses' | 'workers'> {
  const reading = meters.readPool(name);
  const recent = rates.get(name)?.facts(reading, performance.now());
  return {
    requests: reading.finished,
    retried: reading.retried,
    moved: reading.moved,
    shed: reading.shed,
    bytesIn: reading.bytesIn,
    bytesOut: reading.bytesOut,
    inFlight: reading.inFlight,
    queued: reading.queued,
    recent: recent ?? { requestsPerSecond: 0, errorsPerSecond: 0, p50Ms: null, p95Ms: null, p99Ms: null },
  };
}

/** Every process, and every place that has none. @param isNamed with several apps ids begin with the app's name */
export function workerStatusesOf(fleet: WorkerFleet, sources: StatusSources, isNamed: boolean): WorkerStatus[] {
  const { name } = fleet.options;
  const idOf = (slot: number): string => (isNamed ? `${name}:${slot}` : String(slot));
  const live = [...fleet.live()];
  const processes = live.map((worker) => {
    const slot = fleet.slots.get(worker.slot);
    return processStatus(
      worker,
      { id: idOf(worker.slot), app: name, slot: worker.slot, restarts: restartsOf(slot) },
      sources,
    );
  });
  const empty = [...fleet.slots.values()].filter((slot) => !live.some((worker) => worker.slot === slot.index));
  const places = empty.map((slot) => emptyStatus(slot, idOf(slot.index), name));
  return [...processes, ...places].sort((a, b) => a.slot - b.slot || a.generation - b.generation);
}

function processStatus(
  worker: WorkerProcess,
  facts: Pick<WorkerStatus, 'id' | 'app' | 'slot' | 'restarts'>,
  { meters, memory }: StatusSources,
): WorkerStatus {
  const reading = meters.readWorker(worker.incarnation);
  const { restarts, ...place } = facts;
  return {
    ...place,
    pid: worker.pid === 0 ? null : worker.pid,
    state: stateOf(worker, reading.isStalled),
    generation: worker.plan.generation,
    inFlight: reading.inFlight,
    requests: reading.requests,
    memory: memory.bytesOf(worker.pid),
    eventLoop: { delayMs: round(reading.loopDelayMs, 1), utilization: round(reading.utilization, 3) },
    restarts,
    uptime: round((performance.now() - worker.startedAtMs) / 1000, 1),
  };
}

function emptyStatus(slot: WorkerSlot, id: string, app: string): WorkerStatus {
  return {
    id,
    app,
    slot: slot.index,
    pid: null,
    state: slot.isParked ? 'drained' : 'waiting',
    generation: 0,
    inFlight: 0,
    requests: 0,
    memory: null,
    eventLoop: { delayMs: 0, utilization: 0 },
    restarts: restartsOf(slot),
    uptime: 0,
  };
}

/** One of a place that was given up belongs to no slot any more. */
function restartsOf(slot: WorkerSlot | undefined): number {
  return Math.max(0, (slot?.starts ?? 1) - 1);
}

function stateOf(worker: WorkerProcess, isStalled: boolean): WorkerStatusState {
  switch (worker.state) {
    case WorkerState.Starting:
      return worker.isStandingBy ? 'standby' : 'starting';
    case WorkerState.Ready:
      return isStalled ? 'stalled' : 'ready';
    case WorkerState.Draining:
      return 'draining';
    case WorkerState.Stopping:
    case WorkerState.Exited:
      return 'stopping';
  }
}

function openOnes(addresses: readonly ListenerAddress[], { lost }: StatusSources): string[] {
  const missing = lost.map(addressText);
  return addresses.map(addressText).filter((address) => !missing.includes(address));
}

/** Where it is reached, as a URL where it has one. */
export function addressText({ host, port, path, protocol }: ListenerAddress): string {
  if (path !== null) return path;
  const isAny = host === null || host === '' || host === '::' || host === '0.0.0.0';
  const name = isAny ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${protocol === 'http' ? 'http' : 'tcp'}://${name}:${port}`;
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
