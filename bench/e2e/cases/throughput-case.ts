/** Cases that load a system with all it takes: requests/s, latency and CPU time per request, by role. */

import type { LoadRequest } from '../load/load-generator.ts';
import { cpuTimeMs } from '../proc/process-tree.ts';
import { appPath } from '../repository.ts';
import type { Running, SystemName } from '../systems/system.ts';
import type { BenchCase, BudgetRow, Figure, Panel, Round } from './bench-case.ts';
import { type Measured, measureEach } from './each-system.ts';

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
/** Time for the compilers of V8 and for connections to be spread. */
const WARM_UP_SECONDS = 2;

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
    measure: (round) =>
      measureEach(round, { appPath: appPath(settings.app), workers: WORKERS }, (running, system) =>
        measureThroughput(settings, round, running, system.name),
      ),
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

async function measureThroughput(
  { request, connections, payloadBytes }: ThroughputSettings,
  { load, seconds, scratch }: Round,
  running: Running,
  name: string,
): Promise<Measured> {
  const scratchDir = scratch.makeDir(`${name}-load`);
  const plan = { port: running.port, request, connections, scratchDir };
  await load.run({ ...plan, seconds: WARM_UP_SECONDS });
  const roles = running.roles();
  const before = { balancerMs: cpuTimeMs(roles.balancer), workersMs: cpuTimeMs(roles.workers) };
  const result = await load.run({ ...plan, seconds });
  if (result.requests === 0) throw new Error(`${load.name} got no answer within ${seconds} s`);
  const balancerCpuUs = ((cpuTimeMs(roles.balancer) - before.balancerMs) * 1000) / result.requests;
  const workersCpuUs = ((cpuTimeMs(roles.workers) - before.workersMs) * 1000) / result.requests;
  const requestsPerS = (result.requests * 1000) / result.durationMs;
  return {
    figures: {
      requestsPerS,
      ...(payloadBytes === undefined ? {} : { mibPerS: (requestsPerS * payloadBytes) / 2 ** 20 }),
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      balancerCpuUs,
      workersCpuUs,
      totalCpuUs: balancerCpuUs + workersCpuUs,
    },
    errors: result.errors,
  };
}
