import type { Writable } from 'node:stream';
import type { ResolvedOptions } from '../config/options.ts';
import type { ActivatedSocket } from '../core/activated-socket.ts';
import { Outcome } from '../core/outcome.ts';
import { XorShift } from '../core/rng.ts';
import type { IncidentRing } from '../observability/incident-ring.ts';
import { Meters } from '../observability/meters.ts';
import { AccessLogKeeper, writeLines } from './access-log-keeper.ts';
import { type AppLoad, Autoscaler } from './autoscaler.ts';
import type { BalancerThread } from './balancer-thread.ts';
import { BalancerThreads, type PoolMessage, type WorkerMessage } from './balancer-threads.ts';
import { ChildAddresses } from './child-address.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { ControlDesk, type DeskHost } from './control-desk.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { Ejections } from './ejections.ts';
import type { SupervisorEvent } from './events.ts';
import { Guard } from './guard.ts';
import { MemoryShortage } from './memory-shortage.ts';
import { MemoryWatch } from './memory-watch.ts';
import { OutputSink } from './output.ts';
import { OwnPreload } from './own-preload.ts';
import { Recycler } from './recycler.ts';
import { RuntimeDirectory } from './runtime-directory.ts';
import type { ServerWatch } from './server-watch.ts';
import { type ShedCounts, ShedWatch } from './shed-watch.ts';
import { SilentDrains } from './silent-drains.ts';
import { StartGate } from './start-gate.ts';
import type { WorkerFleet, WorkerFleetParts } from './worker-fleet.ts';
import type { WorkerProcess } from './worker-process.ts';
import { WorkerState } from './worker-state.ts';

/** Where the other two programs are, and where output goes. */
export interface SupervisorSurroundings {
  readonly balancerScript: URL;
  readonly preload: URL;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Listening sockets that a service manager has opened for us. */
  readonly activated: readonly ActivatedSocket[];
  /** Of Evener. */
  readonly version: string;
  /** Reads the options again, for a reload. Rejects with what is wrong with them. */
  reread(): Promise<ResolvedOptions>;
}

/** What a supervisor is made of, from its start on. */
export interface Parts {
  readonly directory: RuntimeDirectory;
  readonly directoryWatch: DirectoryWatch;
  readonly guard: Guard;
  readonly threads: BalancerThreads;
  /** By the app's name. */
  readonly fleets: Map<string, WorkerFleet>;
  /** Pools of servers, by name. */
  readonly pools: Map<string, ServerWatch>;
  /** Of both. */
  readonly ejections: Ejections;
  readonly memory: MemoryWatch;
  readonly shed: ShedWatch;
  readonly connections: ConnectionWatch;
  readonly autoscaler: Autoscaler;
  readonly silentDrains: SilentDrains;
  readonly meters: Meters;
  /** What all fleets share. */
  readonly shared: WorkerFleetParts;
  /** Of the access log's file. */
  readonly log: AccessLogKeeper;
  /** The control API. */
  readonly desk: ControlDesk;
}

/** What the parts ask of the supervisor. */
export interface PartsHost {
  /** As of the last reload. */
  options(): ResolvedOptions;
  readonly isClosing: boolean;
  /** Nothing is under way that replaces workers: what does so by itself may begin. */
  readonly mayReplace: boolean;
  /** Of the control API. */
  readonly desk: DeskHost;
  emit(event: SupervisorEvent): void;
  scale(app: string, workers: number, why: string): void;
  threadDied(thread: BalancerThread, cause: string, restartInMs: number): void;
  threadSaid(thread: number, message: WorkerMessage): void;
  threadSaidOfPool(thread: number, message: PoolMessage): void;
  /** Something that may be waited for has changed. */
  changed(): void;
}

/**
 * Makes the parts and puts them together; none of them has started anything but the guard.
 * @throws Error where there is no room for a folder or a process
 */
export function assemble(surroundings: SupervisorSurroundings, incidents: IncidentRing, host: PartsHost): Parts {
  const { stdout } = surroundings;
  const options = host.options();
  const rng = new XorShift();
  const directory = new RuntimeDirectory();
  const guard = new Guard(directory.path);
  const fleets = new Map<string, WorkerFleet>();
  const pools = new Map<string, ServerWatch>();
  const live = (): WorkerProcess[] => [...fleets.values()].flatMap((fleet) => [...fleet.live()]);
  const emit = (event: SupervisorEvent): void => host.emit(event);
  const now = (): number => performance.now();
  const ejections = new Ejections((pool) => !pools.has(pool), emit);
  const meters = new Meters(options.threads);

  const threads = new BalancerThreads(
    options,
    directory,
    surroundings.balancerScript,
    meters,
    rng,
    {
      threadStarted: (thread) => {
        for (const fleet of fleets.values()) fleet.threadStarted(thread);
        for (const pool of pools.values()) pool.tellServers();
      },
      threadReady: () => {
        for (const fleet of fleets.values()) fleet.startRest();
      },
      threadDied: (thread, cause, restartInMs) => host.threadDied(thread, cause, restartInMs),
      optionsTakenBack: (cause) => {
        emit({ type: 'options-taken-back', cause });
        host.changed();
      },
      threadSaid: (thread, message) => host.threadSaid(thread.index, message),
      threadSaidOfPool: (thread, message) => host.threadSaidOfPool(thread.index, message),
      portLost: (address, reason) => emit({ type: 'port-lost', address, reason }),
      portBack: (address, isOpen) => emit({ type: 'port-back', address, isOpen }),
      portClosed: (where) => {
        for (const fleet of fleets.values()) fleet.portClosed(where);
      },
      requestAcquitted: (pool, fingerprint) => fleets.get(pool)?.requestAcquitted(fingerprint),
      threadsDrained: () => host.changed(),
      logLines: (lines, onWritten) => writeLines(stdout, lines, onWritten),
      logState: (thread, reason) => log.threadSaid(thread, reason),
      appMetrics: (question, worker, json) => desk.appMetrics.answered(question, worker, json),
    },
    surroundings.activated,
  );
  const log = new AccessLogKeeper(options.accessLog, { reopen: () => threads.post({ type: 'reopen-log' }), emit });

  const recycler = new Recycler(
    {
      get isClosing() {
        return host.isClosing;
      },
      mayReplace: () => host.mayReplace,
      fleets: () => [...fleets.values()],
      requestsOf: ({ incarnation }) => meters.readWorker(incarnation).requests,
      emit,
    },
    rng,
  );
  const memory = new MemoryWatch(
    () => live().flatMap(({ pid }) => (pid === 0 ? [] : [pid])),
    (bytes) => recycler.looked(bytes),
  );
  const shed = new ShedWatch(() => shedSoFar(host.options(), meters), emit, now);
  const connections = new ConnectionWatch(
    () => meters.readThreads(),
    () => (host.options().maxConnections === null ? 'descriptors' : 'limit'),
    emit,
    now,
  );
  const autoscaler = new Autoscaler({
    loads: () => (host.mayReplace ? [...fleets.values()].map((fleet) => loadOf(fleet, meters, memory)) : []),
    scale: (app, workers, why) => host.scale(app, workers, why),
  });
  const silentDrains = new SilentDrains({
    // One that hangs is being explained while another takes its place, and ended when that is done.
    going: () =>
      live().filter(
        ({ state, dismissal }) => host.isClosing || (state === WorkerState.Draining && dismissal !== 'hung'),
      ),
    isSilent: (worker) => meters.readWorker(worker.incarnation).isStalled && !worker.hasTurnedLately,
    limitMsOf: ({ plan }) => fleets.get(plan.app)?.options.hangLimitMs ?? 0,
  });
  const { version } = surroundings;
  const desk = new ControlDesk({ directory: directory.path, version, meters, memory, threads, incidents }, host.desk);
  const directoryWatch = new DirectoryWatch(directory, () => threads.openLinkPaths, {
    reopenLinks: () => threads.post({ type: 'reopen-link' }),
    reopenControl: () => desk.reopen(),
    emit,
  });

  const noColor = (process.env.NO_COLOR ?? '') !== '';
  const shared = {
    exitOnCrashLoop: options.exitOnCrashLoop,
    linkPaths: threads.linkPaths,
    childAddresses: new ChildAddresses(directory.path),
    meters,
    preload: new OwnPreload(surroundings.preload, directory, () => emit({ type: 'own-files-replaced' })),
    guard,
    memoryShortage: new MemoryShortage(),
    gate: new StartGate(),
    out: new OutputSink(stdout, noColor),
    err: new OutputSink(surroundings.stderr, noColor),
    rng,
  };
  const watches = { memory, shed, connections, autoscaler, silentDrains, ejections };
  return { directory, directoryWatch, guard, threads, fleets, pools, ...watches, meters, shared, log, desk };
}

function loadOf(fleet: WorkerFleet, meters: Meters, memory: MemoryWatch): AppLoad {
  const ready = fleet.in(WorkerState.Ready);
  return {
    app: fleet.options.name,
    ...fleet.options.workers,
    workers: fleet.active.length,
    utilizations: ready.map((worker) => meters.readWorker(worker.incarnation).utilization),
    queued: meters.readPool(fleet.options.name).queued,
    largestBytes: Math.max(0, ...ready.map((worker) => memory.bytesOf(worker.pid) ?? 0)),
    availableBytes: process.availableMemory(),
  };
}

function shedSoFar({ apps, pools }: ResolvedOptions, meters: Meters): ShedCounts {
  return new Map(
    [...apps, ...pools].map(({ name }) => {
      const { outcomes } = meters.readPool(name);
      return [name, outcomes[Outcome.QueueFull]! + outcomes[Outcome.QueueTimeout]!];
    }),
  );
}
