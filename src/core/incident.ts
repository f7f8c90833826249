/** What can go wrong, as incidents, the metric `evener_incidents_total` and the option `notify` call it. */
export const INCIDENT_KINDS = [
  'worker-stalled',
  'worker-hung',
  'worker-died',
  'worker-boot-failed',
  'worker-too-large',
  'crash-loop',
  'server-down',
  'endpoint-ejected',
  'discovery-failed',
  'registration-failed',
  'shedding',
  'connections-limited',
  'request-quarantined',
  'balancer-died',
  'port-lost',
  'reload-failed',
  'gave-up',
] as const;
export type IncidentKind = (typeof INCIDENT_KINDS)[number];

/** How grave, the lightest first. */
export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Negative when the first is the lighter one. */
export function compareSeverity(a: Severity, b: Severity): number {
  return SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b);
}

/** Plain data that travels as JSON. */
export type Evidence = Readonly<Record<string, unknown>>;

/** One thing that went wrong, from its beginning to its end. Plain data; what is handed out is a copy. */
export interface Incident {
  /** Unique within the instance's life, and in the order in which they began: `mq2k9x-17`. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly openedAt: string;
  /** When anything of it last changed. */
  readonly updatedAt: string;
  /** null while it lasts. */
  readonly closedAt: string | null;
  /** May become a graver one: a stalled worker that hangs. */
  readonly kind: IncidentKind;
  readonly severity: Severity;
  /** null where it is about the whole instance. */
  readonly app: string | null;
  /** The worker's place in its app, from 0. */
  readonly worker: number | null;
  /** What happened, one sentence. */
  readonly cause: string;
  readonly evidence: Evidence;
  /** What Evener does about it. */
  readonly decision: string;
  /** How it ended; null while it lasts. */
  readonly recovery: string | null;
  /** How often it has happened since it opened; of requests, how many. At least 1. */
  readonly count: number;
  /** Of those that are open only one has this key. */
  readonly dedupKey: string;
}

/** What has become of an incident. */
export type IncidentChange = 'opened' | 'updated' | 'escalated' | 'closed';
