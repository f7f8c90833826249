import { eventText, type Fields, words } from './event-text.ts';

export type Severity = 'info' | 'warning' | 'error' | 'critical';

/** Something that went wrong, as the page shows it. */
export interface Incident {
  readonly id: string;
  /** In words. */
  readonly kind: string;
  readonly severity: Severity;
  /** `worker api/3`, or the app; empty where it is about the whole instance. */
  readonly about: string;
  readonly openedAt: string;
  /** null while it lasts; undefined where only its beginning was told. */
  readonly closedAt: string | null | undefined;
  readonly cause: string;
  /** What Evener does about it. */
  readonly decision: string | null;
  /** How it ended. */
  readonly recovery: string | null;
  readonly count: number;
  readonly evidence: Fields;
}

const SEVERITIES: readonly string[] = ['info', 'warning', 'error', 'critical'];
const GRAVE: readonly string[] = ['worker-hung', 'crash-loop', 'balancer-died', 'reload-failed', 'failed'];
/** They stand in the incident itself. */
const NO_EVIDENCE: readonly string[] = ['type', 'app', 'slot'];

/** Of `GET /incidents`: incidents with a beginning and an end, or the bare events that are ones. */
export function incidentOf(told: unknown): Incident | null {
  if (!isRecord(told)) return null;
  return isRecord(told.event) ? ofEvent(told, told.event) : ofIncident(told);
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One that is going on, where that is known. */
export function isOpen({ closedAt }: Incident): boolean {
  return closedAt === null;
}

function ofEvent({ id, time }: Fields, event: Fields): Incident {
  const type = text(event.type) ?? 'event';
  return {
    id: String(id),
    kind: words(type),
    severity: GRAVE.includes(type) ? 'error' : type === 'worker-stalled' ? 'info' : 'warning',
    // The sentence says it.
    about: '',
    openedAt: text(time) ?? '',
    closedAt: undefined,
    cause: eventText(event),
    decision: null,
    recovery: null,
    count: 1,
    evidence: Object.fromEntries(Object.entries(event).filter(([key]) => !NO_EVIDENCE.includes(key))),
  };
}

function ofIncident(told: Fields): Incident {
  const { severity, closedAt, count, evidence } = told;
  return {
    id: String(told.id),
    kind: words(text(told.kind) ?? 'incident'),
    severity: SEVERITIES.includes(severity as string) ? (severity as Severity) : 'warning',
    about: aboutOf(told.app, told.worker),
    openedAt: text(told.openedAt) ?? '',
    closedAt: text(closedAt),
    cause: text(told.cause) ?? '',
    decision: text(told.decision),
    recovery: text(told.recovery),
    count: typeof count === 'number' ? count : 1,
    evidence: isRecord(evidence) ? evidence : {},
  };
}

function aboutOf(app: unknown, worker: unknown): string {
  const name = text(app);
  if (typeof worker === 'number') return name === null ? `worker ${worker}` : `${name}, worker ${worker}`;
  return name ?? '';
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
