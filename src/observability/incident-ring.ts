import { compareSeverity, type Incident, type IncidentChange, type IncidentKind } from '../core/incident.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import type { IncidentReport } from './incident.ts';

/** Kept incidents. Each is a few kilobytes, its evidence included. */
const CAPACITY = 256;
/** Openings of one kind that are taken one by one; then one a {@link OPENING_EVERY_MS}, and the rest as one incident. */
const OPENINGS = 20;
const OPENING_EVERY_MS = 6_000;
/** A flood that brought nothing new for so long is over. */
const FLOOD_OVER_MS = 60_000;

export type IncidentListener = (incident: Incident, change: IncidentChange) => void;

/** Puts what comes from outside into a form that may be seen by anybody; see `redaction.ts`. */
export type Redact = <T>(value: T) => T;

/**
 * The incidents of an instance: those that are open, by their key, and the last of those that are over. However many
 * things go wrong it stays small, and a flood of one kind is one incident.
 */
export class IncidentRing {
  readonly #redact: Redact;
  readonly #now: () => number;
  /** In the order in which they opened. */
  readonly #incidents = new Map<string, Incident>();
  /** Ids by key. */
  readonly #open = new Map<string, string>();
  readonly #allowances = new Map<IncidentKind, TokenBucket>();
  readonly #totals = new Map<IncidentKind, number>();
  readonly #listeners = new Set<IncidentListener>();
  readonly #birth: string;
  #opened = 0;
  #dropped = 0;

  /** @param now wall clock, ms */
  constructor(redact: Redact = (value) => value, now: () => number = Date.now) {
    this.#redact = redact;
    this.#now = now;
    this.#birth = Math.floor(now() / 1000).toString(36);
  }

  /** Every one that is kept, the oldest first. */
  list(): Incident[] {
    return [...this.#incidents.values()];
  }

  /** Those that last. */
  open(): Incident[] {
    return [...this.#open.values()].map((id) => this.#incidents.get(id)!);
  }

  get(id: string): Incident | null {
    return this.#incidents.get(id) ?? null;
  }

  /** Open, with this key; else null. */
  openWith(dedupKey: string): Incident | null {
    return this.#incidents.get(this.#open.get(dedupKey) ?? '') ?? null;
  }

  /** How many of each kind there have been, for `evener_incidents_total{kind}`. One that becomes graver counts twice. */
  totals(): ReadonlyMap<IncidentKind, number> {
    return new Map(this.#totals);
  }

  /** Incidents that were pushed out while they were open. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Hears of every change; the answer ends it. */
  subscribe(listener: IncidentListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens an incident, or adds to the one with this key. */
  report(report: IncidentReport): Incident {
    const known = this.openWith(report.dedupKey);
    if (known !== null) return this.#update(known, report);
    if (this.#mayOpen(report.kind)) return this.#add(report);
    const dedupKey = floodKey(report.kind);
    const flood = this.openWith(dedupKey);
    const whole = { ...report, dedupKey, app: null, worker: null };
    return flood === null ? this.#add(whole) : this.#update(flood, whole);
  }

  /** @returns null where no incident is open with this key */
  close(dedupKey: string, recovery: string): Incident | null {
    const known = this.openWith(dedupKey);
    if (known === null) return null;
    this.#open.delete(dedupKey);
    const at = this.#timestamp();
    return this.#put({ ...known, closedAt: at, updatedAt: at, recovery: this.#redact(recovery) }, 'closed');
  }

  /** Closes all open ones that the test is true of. */
  closeWhere(test: (incident: Incident) => boolean, recovery: string): void {
    for (const incident of this.open()) if (test(incident)) this.close(incident.dedupKey, recovery);
  }

  /** To be called now and then: ends floods that have run dry. */
  expire(): void {
    const now = this.#now();
    this.closeWhere(
      ({ dedupKey, updatedAt }) => dedupKey.startsWith(FLOOD) && now - Date.parse(updatedAt) >= FLOOD_OVER_MS,
      'no more of them',
    );
  }

  #add(report: IncidentReport): Incident {
    const at = this.#timestamp();
    const { kind, severity, app, worker, dedupKey, adds } = report;
    const incident: Incident = {
      id: `${this.#birth}-${++this.#opened}`,
      openedAt: at,
      updatedAt: at,
      closedAt: null,
      kind,
      severity,
      app,
      worker,
      cause: this.#redact(report.cause),
      evidence: this.#redact(report.evidence),
      decision: this.#redact(report.decision),
      recovery: null,
      count: adds ?? 1,
      dedupKey,
    };
    this.#open.set(dedupKey, incident.id);
    this.#count(kind);
    this.#put(incident, 'opened');
    this.#makeRoom();
    return incident;
  }

  #update(known: Incident, report: IncidentReport): Incident {
    const isGraver = compareSeverity(report.severity, known.severity) > 0;
    if (report.kind !== known.kind) this.#count(report.kind);
    const next: Incident = {
      ...known,
      updatedAt: this.#timestamp(),
      kind: report.kind,
      severity: isGraver ? report.severity : known.severity,
      cause: this.#redact(report.cause),
      evidence: this.#redact(report.evidence),
      decision: this.#redact(report.decision),
      count: known.count + (report.adds ?? 1),
    };
    return this.#put(next, isGraver ? 'escalated' : 'updated');
  }

  #put(incident: Incident, change: IncidentChange): Incident {
    const frozen = Object.freeze(incident);
    this.#incidents.set(incident.id, frozen);
    for (const listener of this.#listeners) listener(frozen, change);
    return frozen;
  }

  /** Those that are over go first. */
  #makeRoom(): void {
    if (this.#incidents.size <= CAPACITY) return;
    for (const { id, closedAt } of this.#incidents.values()) {
      if (closedAt === null) continue;
      this.#incidents.delete(id);
      return;
    }
    const [oldest] = this.#incidents.values();
    this.#dropped++;
    this.close(oldest!.dedupKey, 'pushed out by newer ones');
    this.#incidents.delete(oldest!.id);
  }

  #mayOpen(kind: IncidentKind): boolean {
    const now = this.#now();
    const allowance = this.#allowances.get(kind) ?? new TokenBucket(OPENINGS, OPENING_EVERY_MS, now);
    this.#allowances.set(kind, allowance);
    return allowance.take(now);
  }

  #count(kind: IncidentKind): void {
    this.#totals.set(kind, (this.#totals.get(kind) ?? 0) + 1);
  }

  #timestamp(): string {
    return new Date(this.#now()).toISOString();
  }
}

const FLOOD = 'flood:';

function floodKey(kind: IncidentKind): string {
  return `${FLOOD}${kind}`;
}
