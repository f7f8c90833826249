import {
  compareSeverity,
  type Incident,
  type IncidentChange,
  type IncidentKind,
  type Severity,
} from '../core/incident.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import type { Notice, NoticedIncident, Sender } from './notice.ts';
import type { Outbox } from './outbox.ts';

/** What a receiver wants to hear of. */
export interface Interest {
  /** Kinds; empty = all. */
  readonly events: readonly IncidentKind[];
  readonly minSeverity: Severity;
}

export interface ReceiverLimits {
  /** Openings told at once; then one in {@link everyMs}, and the rest as one summary. */
  readonly atOnce: number;
  readonly everyMs: number;
  /** From the first that is left out to the summary, and from one summary to the next. */
  readonly summaryMs: number;
}

export const RECEIVER_LIMITS: ReceiverLimits = Object.freeze({ atOnce: 10, everyMs: 6_000, summaryMs: 30_000 });

/** What was left out of late. */
interface LeftOut {
  readonly since: string;
  readonly byKind: Map<IncidentKind, number>;
  /** Since the last summary. */
  fresh: number;
  total: number;
  severity: Severity;
  isTold: boolean;
}

/**
 * Decides what one receiver hears: once that an incident has opened, once for each time it becomes graver, once that it
 * is over. Of more than it should get it gets a summary.
 */
export class Receiver {
  readonly outbox: Outbox;
  readonly #interest: Interest;
  readonly #sender: Sender;
  readonly #limits: ReceiverLimits;
  readonly #bucket: TokenBucket;
  /** Told of and not over, as last heard of. */
  readonly #told = new Map<string, Incident>();
  readonly #repeat: NodeJS.Timeout | null;
  #leftOut: LeftOut | null = null;
  #summary: NodeJS.Timeout | null = null;
  #summaries = 0;

  constructor(outbox: Outbox, interest: Interest, sender: Sender, limits: ReceiverLimits = RECEIVER_LIMITS) {
    this.outbox = outbox;
    this.#interest = interest;
    this.#sender = sender;
    this.#limits = limits;
    this.#bucket = new TokenBucket(limits.atOnce, limits.everyMs, performance.now());
    const { repeatMs } = outbox.notifier;
    this.#repeat = repeatMs === null ? null : setInterval(() => this.#sayAgain(), repeatMs);
    this.#repeat?.unref();
  }

  hear(incident: Incident, change: IncidentChange): void {
    if (this.#told.has(incident.id)) this.#goesOn(incident, change);
    else if (change !== 'closed' && this.#cares(incident)) this.#begins(incident, change);
  }

  close(): void {
    if (this.#repeat !== null) clearInterval(this.#repeat);
    if (this.#summary !== null) clearTimeout(this.#summary);
    this.#summary = null;
  }

  /** Says what was left out, where that would be said later. */
  sayRest(): void {
    if (this.#leftOut !== null && this.#leftOut.fresh > 0) this.#sum();
    this.close();
  }

  #cares({ kind, severity }: Incident): boolean {
    const { events, minSeverity } = this.#interest;
    return compareSeverity(severity, minSeverity) >= 0 && (events.length === 0 || events.includes(kind));
  }

  #begins(incident: Incident, change: IncidentChange): void {
    // One that was left out is not told later for a mere repetition.
    if (change === 'updated' && this.#leftOut !== null) return;
    if (!this.#bucket.take(performance.now())) {
      this.#leaveOut(incident);
      return;
    }
    this.#told.set(incident.id, incident);
    this.#put('opened', incident);
  }

  #goesOn(incident: Incident, change: IncidentChange): void {
    this.#told.set(incident.id, incident);
    if (change === 'escalated') this.#put('updated', incident);
    if (change !== 'closed') return;
    this.#told.delete(incident.id);
    this.#put('recovered', incident);
  }

  #sayAgain(): void {
    // Where something waits, that comes first, and says as much.
    if (!this.outbox.isIdle) return;
    for (const incident of this.#told.values()) this.#put('repeated', incident);
    if (this.#leftOut?.isTold) this.#put('repeated', this.#summaryOf(this.#leftOut, null));
  }

  #leaveOut({ kind, severity }: Incident): void {
    this.#leftOut ??= this.#nothingLeftOut(severity);
    const { byKind } = this.#leftOut;
    byKind.set(kind, (byKind.get(kind) ?? 0) + 1);
    this.#leftOut.fresh++;
    this.#leftOut.total++;
    if (compareSeverity(severity, this.#leftOut.severity) > 0) this.#leftOut.severity = severity;
    if (this.#summary === null) this.#sumLater();
  }

  #nothingLeftOut(severity: Severity): LeftOut {
    this.#summaries++;
    return { since: new Date().toISOString(), byKind: new Map(), fresh: 0, total: 0, severity, isTold: false };
  }

  #sumLater(): void {
    this.#summary = setTimeout(() => {
      this.#summary = null;
      this.#sum();
    }, this.#limits.summaryMs);
    this.#summary.unref();
  }

  #sum(): void {
    const leftOut = this.#leftOut!;
    if (leftOut.fresh === 0) {
      this.#leftOut = null;
      this.#put('recovered', this.#summaryOf(leftOut, 'no more of them'));
      return;
    }
    this.#put(leftOut.isTold ? 'updated' : 'opened', this.#summaryOf(leftOut, null));
    leftOut.fresh = 0;
    leftOut.isTold = true;
    this.#sumLater();
  }

  #summaryOf({ since, byKind, severity, total }: LeftOut, recovery: string | null): NoticedIncident {
    const now = new Date().toISOString();
    const kinds = [...byKind].map(([kind, count]) => `${count} ${kind}`).join(', ');
    return {
      id: `more-${this.#summaries}`,
      openedAt: since,
      updatedAt: now,
      closedAt: recovery === null ? null : now,
      kind: 'many-incidents',
      severity,
      app: null,
      worker: null,
      cause: `${total} more since ${since}: ${kinds}`,
      evidence: Object.fromEntries(byKind),
      decision: 'they are told as one',
      recovery,
      count: 1,
      dedupKey: 'many-incidents',
    };
  }

  #put(type: Notice['type'], incident: NoticedIncident): void {
    this.outbox.put({ type, incident, sender: this.#sender });
  }
}
