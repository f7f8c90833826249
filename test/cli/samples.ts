import type { Status, WorkerStatus } from '../../src/control/control-target.ts';
import type { Incident } from '../../src/core/incident.ts';

export function worker(slot: number, more: Partial<WorkerStatus> = {}): WorkerStatus {
  return {
    id: String(slot),
    app: 'web',
    slot,
    pid: 10_000 + slot,
    state: 'ready',
    generation: 0,
    inFlight: 3,
    requests: 123_456,
    memory: 51_000_000,
    eventLoop: { delayMs: 2, utilization: 0.35 },
    restarts: 1,
    uptime: 7_500,
    ...more,
  };
}

export function status(workers: readonly WorkerStatus[]): Status {
  return {
    name: 'web',
    pid: 9_999,
    version: '0.1.0',
    state: 'running',
    startedAt: '2026-11-24T06:00:00.000Z',
    time: '2026-11-24T08:05:01.000Z',
    uptime: 7_501,
    config: null,
    admin: null,
    threads: 1,
    connections: 64,
    apps: [
      {
        name: 'web',
        command: 'server.js',
        addresses: ['http://localhost:3000'],
        workers: { wanted: workers.length, ready: workers.length },
        requests: 1_234_567,
        retried: 2,
        moved: 3,
        shed: 4,
        bytesIn: 1,
        bytesOut: 2,
        inFlight: 12,
        queued: 5,
        recent: { requestsPerSecond: 1234, errorsPerSecond: 0.5, p50Ms: 1.2, p95Ms: 8, p99Ms: 20 },
      },
    ],
    workers,
    servers: [],
    canaries: [],
    sources: [],
    incidents: 0,
  };
}

export function incident(cause: string): Incident {
  return {
    id: 'a-1',
    openedAt: '2026-11-24T06:00:00.000Z',
    updatedAt: '2026-11-24T06:00:00.000Z',
    closedAt: null,
    kind: 'worker-hung',
    severity: 'error',
    app: 'web',
    worker: 1,
    cause,
    evidence: {},
    decision: 'ending it',
    recovery: null,
    count: 2,
    dedupKey: 'k',
  };
}
