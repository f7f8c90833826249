/** Every metric of ours. `/metrics` writes only what stands here, and docs/metrics.md is held to it by a test. */

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricSpec {
  readonly type: MetricType;
  readonly labels: readonly string[];
  /** One line: what, and its unit where the name does not end with it. */
  readonly help: string;
}

export type MetricName = `evener_${string}`;

export const METRICS: Readonly<Record<MetricName, MetricSpec>> = Object.freeze({
  evener_info: gauge(['name', 'version'], 'Always 1; tells the version.'),
  evener_start_time_seconds: gauge([], 'When the instance was started, since the epoch.'),
  evener_requests_total: counter(['app', 'code', 'method'], 'Requests by the status sent; code 0: none was sent.'),
  evener_request_duration_seconds: histogram(['app'], "From a request's head to the end of its response."),
  evener_request_queue_seconds: histogram(['app'], 'From the head to the endpoint that first got the request.'),
  evener_request_outcomes_total: counter(['app', 'outcome'], 'Requests by how they ended; see docs/errors.md.'),
  evener_requests_in_flight: gauge(['app'], 'Requests that an endpoint has.'),
  evener_requests_queued: gauge(['app'], 'Requests that wait for an endpoint.'),
  evener_requests_retried_total: counter(['app'], 'Requests that were run once more.'),
  evener_requests_moved_total: counter(['app'], 'Handovers of requests that had not been begun.'),
  evener_requests_shed_total: counter(['app'], 'Requests refused for want of an endpoint.'),
  evener_request_bytes_total: counter(['app'], 'Bytes of request heads and bodies.'),
  evener_response_bytes_total: counter(['app'], 'Bytes of response heads and bodies.'),
  evener_client_connections: gauge([], 'Client connections open.'),
  evener_client_connections_total: counter([], 'Client connections accepted.'),
  evener_client_connections_refused_total: counter(
    ['cause'],
    'Client connections refused, for the total or their address.',
  ),
  evener_client_connections_closed_for_room_total: counter([], 'Idle client connections closed to let others in.'),
  evener_accept_pauses_total: counter([], 'Times that no connection was accepted for a moment, for want of room.'),
  evener_workers_wanted: gauge(['app'], 'How many workers there should be.'),
  evener_worker_state: gauge(['app', 'worker', 'state'], '1 for the state that a worker is in, 0 for all others.'),
  evener_worker_requests_in_flight: gauge(['app', 'worker'], 'Requests that a worker has.'),
  evener_worker_requests_total: counter(['app', 'worker'], 'Requests that a worker has finished.'),
  evener_worker_event_loop_delay_seconds: gauge(
    ['app', 'worker'],
    "Longest delay of a worker's event loop between two beats, or how long it has been silent.",
  ),
  evener_worker_event_loop_utilization: gauge(
    ['app', 'worker'],
    "Share of time in which a worker's event loop is busy.",
  ),
  evener_worker_memory_bytes: gauge(['app', 'worker'], 'Resident memory of a worker.'),
  evener_worker_start_time_seconds: gauge(['app', 'worker'], 'When a worker was started, since the epoch.'),
  evener_worker_restarts_total: counter(['app', 'cause'], 'Workers that were started in the place of another.'),
  evener_ejections_total: counter(['app', 'cause'], 'Workers and servers that were taken out for failing requests.'),
  evener_source_servers: gauge(['app', 'source'], 'Servers that a source names.'),
  evener_source_up: gauge(['app', 'source'], '1 while a source says which servers there are, else 0.'),
  evener_source_updated_seconds: gauge(['app', 'source'], 'When a source last said so, since the epoch; 0 = never.'),
  evener_balancer_restarts_total: counter([], 'Balancer threads that were started in the place of another.'),
  evener_balancer_utilization: gauge(['thread'], "Share of time in which a balancer thread's event loop is busy."),
  evener_incidents_total: counter(['kind'], 'Things that went wrong, by kind; see GET /incidents.'),
  evener_access_log_dropped_total: counter([], 'Lines that the access log could not take.'),
  evener_app_metrics_missing_workers: gauge(['app'], 'Workers whose own metrics are not in this answer.'),
});

function counter(labels: readonly string[], help: string): MetricSpec {
  return { type: 'counter', labels, help };
}

function gauge(labels: readonly string[], help: string): MetricSpec {
  return { type: 'gauge', labels, help };
}

function histogram(labels: readonly string[], help: string): MetricSpec {
  return { type: 'histogram', labels, help };
}
