import type { Evidence, Incident } from '../core/incident.ts';

/** What somebody tells of an incident: it opens one, or adds to the one that is open. */
export interface IncidentReport extends Pick<Incident, 'kind' | 'severity' | 'app' | 'worker' | 'cause' | 'decision'> {
  readonly dedupKey: string;
  readonly evidence: Evidence;
  /** How much it adds to the count. Default 1. */
  readonly adds?: number;
}
