import { type AppStatus, type Status, WORKER_STATES } from '../control/control-target.ts';
import { OUTCOMES } from '../core/outcome.ts';
import type { Meters } from '../observability/meters.ts';
import type { PrometheusText } from '../observability/prometheus-text.ts';

/** What is counted on the main thread. */
export interface MainCounts {
  /** By app and cause. */
  readonly restarts: readonly { readonly app: string; readonly cause: string; readonly count: number }[];
  readonly balancerRestarts: number;
  /** By app or pool of servers, and cause. */
  readonly ejections: readonly { readonly app: string; readonly cause: string; readonly count: number }[];
  /** By type of event. */
  readonly incidents: ReadonlyMap<string, number>;
  /** By thread, 0-1. */
  readonly threadUtilization: readonly number[];
}

/** Writes the instance's own metrics: from shared memory, the supervisor's knowledge and /proc, asking no other thread. */
export function writeInstanceMetrics(out: PrometheusText, status: Status, meters: Meters, counts: MainCounts): void {
  out.add('evener_info', { name: status.name, version: status.version }, 1);
  out.add('evener_start_time_seconds', {}, Date.parse(status.startedAt) / 1000);
  for (const app of status.apps) writePool(out, app, meters);
  const threads = meters.readThreads();
  out.add('evener_client_connections', {}, threads.clients);
  out.add('evener_client_connections_total', {}, threads.connections);
  out.add('evener_client_connections_refused_total', { cause: 'total' }, threads.refusedTotal);
  out.add('evener_client_connections_refused_total', { cause: 'address' }, threads.refusedAddress);
  out.add('evener_client_connections_closed_for_room_total', {}, threads.closedForRoom);
  out.add('evener_accept_pauses_total', {}, threads.acceptPauses);
  out.add('evener_access_log_dropped_total', {}, threads.logDropped);
  writeWorkers(out, status);
  writeSources(out, status);
  for (const { app, cause, count } of counts.restarts) out.add('evener_worker_restarts_total', { app, cause }, count);
  for (const { app, cause, count } of counts.ejections) out.add('evener_ejections_total', { app, cause }, count);
  out.add('evener_balancer_restarts_total', {}, counts.balancerRestarts);
  for (const [thread, utilization] of counts.threadUtilization.entries()) {
    out.add('evener_balancer_utilization', { thread }, utilization);
  }
  for (const [kind, count] of counts.incidents) out.add('evener_incidents_total', { kind }, count);
}

function writePool(out: PrometheusText, { name: app, workers }: AppStatus, meters: Meters): void {
  const reading = meters.readPool(app);
  const { outcomes } = reading;
  for (const { status, method, count } of reading.responses()) {
    out.add('evener_requests_total', { app, code: status, method }, count);
  }
  out.addHistogram('evener_request_duration_seconds', { app }, reading.durations, reading.durationMs);
  out.addHistogram('evener_request_queue_seconds', { app }, reading.queues, reading.queuedMs);
  OUTCOMES.forEach(({ code: outcome }, index) => {
    const count = outcomes[index]!;
    if (count > 0) out.add('evener_request_outcomes_total', { app, outcome }, count);
  });
  out.add('evener_requests_in_flight', { app }, reading.inFlight);
  out.add('evener_requests_queued', { app }, reading.queued);
  out.add('evener_requests_retried_total', { app }, reading.retried);
  out.add('evener_requests_moved_total', { app }, reading.moved);
  out.add('evener_requests_shed_total', { app }, reading.shed);
  out.add('evener_request_bytes_total', { app }, reading.bytesIn);
  out.add('evener_response_bytes_total', { app }, reading.bytesOut);
  out.add('evener_workers_wanted', { app }, workers.wanted);
}

function writeSources(out: PrometheusText, { sources }: Status): void {
  for (const { pool: app, source, servers, updatedAt, error } of sources) {
    out.add('evener_source_servers', { app, source }, servers);
    out.add('evener_source_up', { app, source }, error === '' && updatedAt !== null ? 1 : 0);
    const seconds = updatedAt === null ? 0 : Date.parse(updatedAt) / 1000;
    out.add('evener_source_updated_seconds', { app, source }, seconds);
  }
}

/** While one worker replaces another both are of one place: what they do is added up, and the newer says how it is. */
function writeWorkers(out: PrometheusText, { workers, startedAt }: Status): void {
  const nowSeconds = Date.now() / 1000;
  for (const processes of groupById(workers).values()) {
    const newest = processes.at(-1)!;
    const labels = { app: newest.app, worker: newest.slot };
    const sum = (read: (worker: Status['workers'][number]) => number): number =>
      processes.reduce((total, worker) => total + read(worker), 0);
    for (const state of WORKER_STATES) {
      out.add('evener_worker_state', { ...labels, state }, processes.some((worker) => worker.state === state) ? 1 : 0);
    }
    out.add(
      'evener_worker_requests_in_flight',
      labels,
      sum(({ inFlight }) => inFlight),
    );
    out.add('evener_worker_requests_total', labels, newest.requests);
    const delayMs = Math.max(...processes.map(({ eventLoop }) => eventLoop.delayMs));
    out.add('evener_worker_event_loop_delay_seconds', labels, delayMs / 1000);
    out.add('evener_worker_event_loop_utilization', labels, newest.eventLoop.utilization);
    out.add(
      'evener_worker_memory_bytes',
      labels,
      sum(({ memory }) => memory ?? 0),
    );
    const startedAtSeconds = newest.pid === null ? Date.parse(startedAt) / 1000 : nowSeconds - newest.uptime;
    out.add('evener_worker_start_time_seconds', labels, Math.round(startedAtSeconds));
  }
}

function groupById(workers: Status['workers']): Map<string, Status['workers'][number][]> {
  const groups = new Map<string, Status['workers'][number][]>();
  for (const worker of workers) groups.set(worker.id, [...(groups.get(worker.id) ?? []), worker]);
  return groups;
}
