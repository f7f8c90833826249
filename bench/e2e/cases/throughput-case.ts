/** Cases that load a system with all it takes: requests/s, latency and CPU time per request, by role. */

import type { LoadPlan, LoadRequest, LoadResult } from '../load/load-generator.ts';
import { median } from '../percentile.ts';
import { cpuTimeMs } from '../proc/process-tree.ts';
import { appPath } from '../repository.ts';
import type { Running, SystemName } from '../systems/system.ts';
import type { BenchCase, BudgetRow, Figure, Panel, Round, Sample } from './bench-case.ts';
import { type Measured, measureByTurns } from './each-system.ts';

export interface ThroughputSettings {
  readonly name: string;
  readonly title: string;
  readonly method: string;
  readonly app: string;
  readonly request: LoadRequest;
  readonly connections: number;
  /** Bytes of body that each request moves; given where bytes/s are what counts. */
  readonly payloadBytes?: number;
  readonly budget: readonly BudgetRow[];
  /** Where they are not those of all throughput cases. */
  readonly systems?: readonly SystemName[];
}

/** Workers of every system in every throughput case. */
const WORKERS = 2;
const peers: readonly SystemName[] = ['evener', 'cluster', 'haproxy', 'nginx'];
/** Time for the compilers of V8, which have most of their work behind them by then. */
const WARM_UP_SECONDS = 5;
/** Of load for one system before the next has its turn. */
const TURN_SECONDS = 1;

export function throughputCase(settings: ThroughputSettings): BenchCase {
  const isBytes = settings.payloadBytes !== undefined;
  return {
    name: settings.name,
    title: settings.title,
    method: settings.method,
    systems: settings.systems ?? (isBytes ? [...peers, 'nginx-tuned'] : peers),
    references: [],
    figures: isBytes ? [{ key: 'mibPerS', label: 'MiB/s', digits: 0 }, ...figures] : figures,
    panels: [isBytes ? bytesPanel(settings.title) : requestsPanel(settings.title), cpuPanel(settings.title)],
    budget: settings.budget,
    measure: (round) => measureThroughput(settings, round),
  };
}

const figures: readonly Figure[] = [
  { key: 'requestsPerS', label: 'requests/s', digits: 0 },
  { key: 'p50Ms', label: 'p50 ms', digits: 2 },
  { key: 'p99Ms', label: 'p99 ms', digits: 2 },
  { key: 'balancerCpuUs', label: 'balancer CPU µs/request', digits: 1 },
  { key: 'workersCpuUs', label: 'workers CPU µs/request', digits: 1 },
  { key: 'totalCpuUs', label: 'total CPU µs/request', digits: 1 },
];

function requestsPanel(title: string): Panel {
  return { title, unit: 'requests/s', figures: ['requestsPerS'], digits: 0, isHigherBetter: true };
}

function bytesPanel(title: string): Panel {
  return { title, unit: 'MiB/s', figures: ['mibPerS'], digits: 0, isHigherBetter: true };
}

function cpuPanel(title: string): Panel {
  return {
    title,
    unit: 'CPU µs/request',
    figures: ['balancerCpuUs', 'workersCpuUs'],
    digits: 1,
    isHigherBetter: false,
  };
}

/** What is kept of a system from turn to turn. */
interface Loaded {
  readonly running: Running;
  readonly plan: LoadPlan;
  readonly turns: LoadResult[];
  balancerMs: number;
  workersMs: number;
}

function measureThroughput(settings: ThroughputSettings, round: Round): Promise<Sample[]> {
  const { request, connections } = settings;
  const { load, seconds } = round;
  return measureByTurns<Loaded>(round, {
    plan: { appPath: appPath(settings.app), workers: WORKERS },
    enter: async (running, scratchDir) => {
      const plan = { port: running.port, request, connections, scratchDir, seconds: TURN_SECONDS };
      await load.run({ ...plan, seconds: WARM_UP_SECONDS });
      return { running, plan, turns: [], balancerMs: 0, workersMs: 0 };
    },
    turn: async (loaded) => {
      const roles = loaded.running.roles();
      const before = { balancerMs: cpuTimeMs(roles.balancer), workersMs: cpuTimeMs(roles.workers) };
      loaded.turns.push(await load.run(loaded.plan));
      loaded.balancerMs += cpuTimeMs(roles.balancer) - before.balancerMs;
      loaded.workersMs += cpuTimeMs(roles.workers) - before.workersMs;
    },
    goesOn: (turns) => turns * TURN_SECONDS < seconds,
    result: (loaded) => resultOf(loaded, settings),
  });
}

function resultOf({ turns, balancerMs, workersMs }: Loaded, { payloadBytes }: ThroughputSettings): Measured {
  const sum = (of: (turn: LoadResult) => number): number => turns.reduce((total, turn) => total + of(turn), 0);
  const requests = sum((turn) => turn.requests);
  if (requests === 0) throw new Error('there was no answer');
  const balancerCpuUs = (balancerMs * 1000) / requests;
  const workersCpuUs = (workersMs * 1000) / requests;
  const requestsPerS = (requests * 1000) / sum((turn) => turn.durationMs);
  return {
    figures: {
      requestsPerS,
      ...(payloadBytes === undefined ? {} : { mibPerS: (requestsPerS * payloadBytes) / 2 ** 20 }),
      p50Ms: median(turns.map((turn) => turn.p50Ms)),
      p99Ms: median(turns.map((turn) => turn.p99Ms)),
      balancerCpuUs,
      workersCpuUs,
      totalCpuUs: balancerCpuUs + workersCpuUs,
    },
    errors: sum((turn) => turn.errors),
  };
}
