import type { ListenerAddress } from '../channel/messages.ts';
import { durationText } from '../core/duration-text.ts';
import type { IncidentKind, Severity } from '../core/incident.ts';
import type { IncidentReport } from '../observability/incident.ts';
import type { IncidentRing } from '../observability/incident-ring.ts';
import type { SupervisorEvent, WorkerFacts } from './events.ts';
import { hangSummary } from './hang-text.ts';
import { addressText } from './instance-status.ts';

/** So many deaths or failed starts in a row are more than a mishap. */
const GRAVE_AFTER = 3;
/** A balancer thread that has not died again for so long has recovered. */
const THREAD_SOUND_MS = 10_000;
const EXPIRE_EVERY_MS = 5_000;

/** Fields of an event that are not evidence but stand in the incident itself, or say nothing. */
const NO_EVIDENCE: ReadonlySet<string> = new Set(['type', 'app', 'slot']);

/**
 * Makes incidents of what a supervisor tells: every event either opens one, adds to one, closes some, or is none. What
 * happens to one worker in a row (it stalls, hangs, is ended) is one incident that becomes graver.
 */
export class IncidentDesk {
  readonly #ring: IncidentRing;
  readonly #apps: () => readonly string[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #isReloading = false;
  /** What was seen of a new worker that is worse than those of before. */
  #judged: Record<string, unknown> = {};
  /** The pid of the worker that is up, by app and slot. */
  readonly #up = new Map<string, number>();
  /** The worker that is tried out, or was taken back; 0 = none. */
  #triedPid = 0;

  /** @param apps names of those that run, and of pools of servers, by the options as they are now */
  constructor(ring: IncidentRing, apps: () => readonly string[]) {
    this.#ring = ring;
    this.#apps = apps;
    const expiry = setInterval(() => ring.expire(), EXPIRE_EVERY_MS);
    expiry.unref();
    this.#timers.add(expiry);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  tell(event: SupervisorEvent): void {
    switch (event.type) {
      case 'starting':
      case 'listening':
      case 'draining':
      case 'file-changed':
      case 'watch-failed':
      case 'worker-restarting':
      case 'access-log-failed':
      case 'access-log-works':
      case 'access-log-rotation-failed':
      case 'access-log-rotation-works':
      case 'own-files-replaced':
      case 'runtime-directory-restored':
      case 'runtime-directory-lost':
      case 'worker-expired':
      case 'worker-awaited':
      case 'worker-unreachable':
      case 'admin-listening':
      case 'servers-changed':
      // An incident of these would go to the receivers that do not work.
      case 'notifier-failed':
      case 'notifier-recovered':
        return;
      case 'worker-stalled':
        this.#workerReport(event, silenceKey(event), 'worker-stalled', 'info', {
          cause: event.isTurning
            ? `requests wait there for ${durationText(event.silentMs)}, though its event loop turns`
            : `its event loop has been silent for ${durationText(event.silentMs)}`,
          decision: event.isTurning
            ? 'it gets no new ones until it is through'
            : 'it gets no new requests until it answers',
        });
        return;
      case 'worker-recovered':
        this.#ring.close(silenceKey(event), `it answers again after ${durationText(event.silentMs)}`);
        return;
      case 'worker-hung':
        this.#workerReport(event, silenceKey(event), 'worker-hung', 'error', {
          cause: `its event loop has been silent for ${durationText(event.silentMs)}: ${hangSummary(event.report, process.cwd())}`,
          decision: event.isLeftAlone ? 'it is left alone, for somebody debugs it' : 'it is ended and replaced',
        });
        return;
      case 'worker-died':
        this.#workerDied(event);
        return;
      case 'worker-boot-failed':
        this.#bootFailed(event);
        return;
      case 'worker-too-large':
        this.#workerReport(event, largeKey(event), 'worker-too-large', 'info', {
          cause: `it has grown to ${megabytes(event.bytes)}, over the limit of ${megabytes(event.limitBytes)}`,
          decision: event.isKilled ? 'it is ended at once, and replaced' : 'it is replaced by one that is ready first',
        });
        return;
      case 'worker-will-outgrow':
        this.#workerReport(event, largeKey(event), 'worker-too-large', 'info', {
          cause:
            `it has grown to ${megabytes(event.bytes)} and will be over the limit of ${megabytes(event.limitBytes)} ` +
            `in about ${durationText(event.inMs)}`,
          decision: 'it will be replaced by one that is ready first',
        });
        return;
      case 'request-released':
        this.#ring.close(quarantineKey(event), 'it is let through again');
        return;
      case 'worker-ready':
        this.#up.set(deathKey(event), event.pid);
        // One that died has to stay up for a while first: see worker-settled.
        this.#ring.close(largeKey(event), `replaced by pid ${event.pid}`);
        if (event.restarts === 0) this.#closeOf(event, `pid ${event.pid} is ready`);
        return;
      case 'worker-standing-by':
        this.#closeOf(event, `another took its place, and pid ${event.pid} stands by`);
        return;
      case 'worker-settled':
        this.#closeOf(event, `pid ${event.pid} stays up, after ${times(event.restarts, 'restart')}`);
        return;
      case 'worker-drained':
        this.#closeOf(event, 'it was taken out, as asked');
        return;
      case 'worker-retired':
        this.#ring.close(silenceKey(event), 'it has ended');
        return;
      case 'crash-loop':
        this.#report({
          kind: 'crash-loop',
          severity: 'critical',
          dedupKey: `crash-loop:${event.app}`,
          app: event.app,
          cause: `no worker is up: ${event.reason}`,
          decision: 'clients get 503; starts go on, with growing pauses',
          evidence: evidenceOf(event),
        });
        return;
      case 'crash-loop-over':
        this.#ring.close(`crash-loop:${event.app}`, 'a worker is up again');
        return;
      case 'server-down':
        this.#report({
          kind: 'server-down',
          severity: 'error',
          dedupKey: `server:${event.pool}:${event.server}`,
          app: event.pool,
          cause: `${event.server}: ${event.reason}`,
          decision: 'it gets no requests until it is back',
          evidence: evidenceOf(event),
        });
        return;
      case 'server-up':
        this.#ring.close(`server:${event.pool}:${event.server}`, 'it is back');
        return;
      case 'connections-limited':
        this.#report({
          kind: 'connections-limited',
          severity: 'warning',
          dedupKey: 'connections-limited',
          app: null,
          cause: LIMITS[event.why],
          decision: AT_LIMIT[event.why],
          evidence: evidenceOf(event),
        });
        return;
      case 'connections-limited-over':
        this.#ring.close(
          'connections-limited',
          `there is room again, after ${times(event.refused, 'client')} refused, ${times(event.closed, 'idle connection')} closed and ${times(event.pauses, 'pause')} of accepting`,
        );
        return;
      case 'endpoint-ejected':
        this.#ring.report({
          kind: 'endpoint-ejected',
          severity: 'warning',
          dedupKey: ejectionKey(event),
          app: event.app,
          worker: event.worker,
          cause: `${event.server === null ? '' : `${event.server}: `}${event.detail}`,
          decision: `it gets no requests for ${durationText(event.forMs)}, then few at first`,
          evidence: evidenceOf(event),
        });
        return;
      case 'endpoint-returned':
        this.#ring.close(ejectionKey(event), RETURNS[event.cause]);
        return;
      case 'server-gone':
        this.#ring.close(`server:${event.pool}:${event.server}`, 'it is not among the servers any more');
        return;
      case 'source-failed':
        this.#report({
          kind: 'discovery-failed',
          severity: 'warning',
          dedupKey: `source:${event.pool}:${event.source}`,
          app: event.pool,
          cause: `${event.source}: ${event.reason}`,
          decision: event.isPartial ? 'the rest of it is taken' : 'the servers that are known stay',
          evidence: evidenceOf(event),
        });
        return;
      case 'source-works':
        this.#ring.close(`source:${event.pool}:${event.source}`, 'it says again which servers there are');
        return;
      case 'registration-failed':
        this.#report({
          kind: 'registration-failed',
          severity: 'error',
          dedupKey: `registration:${event.registry}:${event.url}`,
          app: null,
          cause: `${event.registry}: ${event.reason}`,
          decision: 'it is tried again, with growing pauses; others may not find this instance until then',
          evidence: evidenceOf(event),
        });
        return;
      case 'registered':
        this.#ring.close(`registration:${event.registry}:${event.url}`, 'it is known there');
        return;
      case 'balancer-died':
        this.#balancerDied(event);
        return;
      case 'port-lost':
        this.#report({
          kind: 'port-lost',
          severity: 'critical',
          dedupKey: portKey(event.address),
          app: null,
          cause: `${addressText(event.address)} cannot be opened again: ${event.reason}`,
          decision: 'it is tried again, with growing pauses; nobody is reached there until then',
          evidence: evidenceOf(event),
        });
        return;
      case 'port-back':
        this.#ring.close(portKey(event.address), event.isOpen ? 'it is open again' : 'nobody listens there any more');
        return;
      case 'reload-started':
        this.#isReloading = true;
        this.#judged = {};
        this.#ring.close('options-taken-back', 'another reload was begun');
        return;
      case 'options-taken-back':
        this.#report({
          kind: 'reload-failed',
          severity: 'error',
          dedupKey: 'options-taken-back',
          app: null,
          cause: `balancer threads die of what it has brought: ${firstLine(event.cause)}`,
          decision: 'they go on with the options of before',
          evidence: evidenceOf(event),
        });
        return;
      case 'canary-serving':
        this.#triedPid = event.pid;
        return;
      case 'reload-judged':
        this.#judged = event.verdict === 'back' ? evidenceOf(event) : {};
        if (event.verdict !== 'back') this.#triedPid = 0;
        return;
      case 'reload-failed':
        this.#isReloading = false;
        this.#report({
          kind: 'reload-failed',
          severity: 'error',
          dedupKey: 'reload-failed',
          app: null,
          cause: event.reason,
          decision: 'the workers of before go on',
          evidence: this.#judged,
        });
        this.#judged = {};
        // Of what it would have brought.
        this.#closeOfMissingApps();
        return;
      case 'reload-done':
        this.#isReloading = false;
        this.#ring.close('reload-failed', `a reload was done in ${durationText(event.tookMs)}`);
        this.#closeOfMissingApps();
        return;
      case 'scaled':
        this.#ring.closeWhere(
          ({ app, worker }) => app === event.app && worker !== null && worker >= event.workers,
          'its place was taken away',
        );
        return;
      case 'request-quarantined':
        this.#report({
          kind: 'request-quarantined',
          severity: 'error',
          dedupKey: quarantineKey(event),
          app: event.app,
          cause: `${times(event.workers, 'worker')} died or hung with ${event.method} ${event.target} in hand`,
          decision: `it is answered with 503 for ${durationText(event.forMs)}, and given to no other worker`,
          evidence: evidenceOf(event),
        });
        return;
      case 'shedding':
        this.#report({
          kind: 'shedding',
          severity: 'error',
          dedupKey: sheddingKey(event.app),
          app: event.app,
          cause: 'more requests come than can be taken, and the queue is full or stands too long',
          decision: 'the requests too many get 503 with Retry-After',
          evidence: evidenceOf(event),
          adds: event.fresh,
        });
        return;
      case 'shedding-over':
        this.#ring.close(
          sheddingKey(event.app),
          `no request is refused any more, after ${times(event.requests, 'request')} in ${durationText(event.lastedMs)}`,
        );
        return;
      case 'failed':
        this.#report({
          kind: 'gave-up',
          severity: 'critical',
          dedupKey: 'gave-up',
          app: null,
          cause: event.reason,
          decision: 'Evener has ended',
          evidence: evidenceOf(event),
        });
        return;
      case 'stopped':
        this.#ring.closeWhere(({ kind }) => kind !== 'gave-up', 'Evener was stopped');
        return;
      default:
        // An event that is not decided on above does not compile.
        event satisfies never;
    }
  }

  #workerDied(event: Extract<SupervisorEvent, { type: 'worker-died' }>): void {
    const { cause, restartInMs, replacedBy, restarts } = event;
    if (event.pid === this.#triedPid) {
      // Its failure is the reload's, and the worker of before goes on.
      this.#closeOf(event, 'it was taken back');
      return;
    }
    const successor = this.#up.get(deathKey(event));
    const decision = replacedBy === null ? restartText(restartInMs) : `pid ${replacedBy} has its place`;
    // Its silence was told of, and that it would be ended for it: this is how that went on.
    const silence = this.#ring.openWith(silenceKey(event));
    if (silence !== null) {
      const evidence = { ...evidenceOf(event), ...silence.evidence };
      this.#workerReport(event, silenceKey(event), silence.kind, silence.severity, {
        cause: silence.cause,
        decision: `${cause}; ${decision}`,
        evidence,
        adds: 0,
      });
    } else {
      const severity = restarts >= GRAVE_AFTER ? 'error' : 'warning';
      this.#workerReport(event, deathKey(event), 'worker-died', severity, { cause, decision });
    }
    // One that hung, or had grown too large, may have been replaced before its end: nobody is to come any more.
    const isReplaced = successor !== undefined && successor !== event.pid;
    if (isReplaced && restarts === 0) this.#closeOf(event, `pid ${successor} is ready`);
  }

  #bootFailed(event: Extract<SupervisorEvent, { type: 'worker-boot-failed' }>): void {
    const { reason, restartInMs, failedStarts } = event;
    // A new worker of a reload: its failure is the reload's.
    if (this.#isReloading && failedStarts === 0) return;
    const severity = failedStarts >= GRAVE_AFTER ? 'error' : 'warning';
    const decision = restartText(restartInMs);
    this.#workerReport(event, bootKey(event), 'worker-boot-failed', severity, { cause: reason, decision });
  }

  #balancerDied(event: Extract<SupervisorEvent, { type: 'balancer-died' }>): void {
    const dedupKey = `balancer-died:${event.thread}`;
    const { openedAt, count } = this.#report({
      kind: 'balancer-died',
      severity: 'error',
      dedupKey,
      app: null,
      cause: `balancer thread ${event.thread} died: ${firstLine(event.cause)}`,
      decision: `its connections are lost; ${restartText(event.restartInMs)}, and the workers dial in again`,
      evidence: evidenceOf(event),
    });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const now = this.#ring.openWith(dedupKey);
      if (now?.openedAt === openedAt && now.count === count) this.#ring.close(dedupKey, 'it runs again');
    }, event.restartInMs + THREAD_SOUND_MS);
    timer.unref();
    this.#timers.add(timer);
  }

  #workerReport(
    event: WorkerEvent,
    dedupKey: string,
    kind: IncidentKind,
    severity: Severity,
    said: Pick<IncidentReport, 'cause' | 'decision'> & Partial<Pick<IncidentReport, 'evidence' | 'adds'>>,
  ): void {
    const { app, slot } = event;
    const evidence = said.evidence ?? evidenceOf(event);
    this.#ring.report({ kind, severity, dedupKey, app, worker: slot, ...said, evidence });
  }

  #report(report: Omit<IncidentReport, 'worker'>): ReturnType<IncidentRing['report']> {
    return this.#ring.report({ ...report, worker: null });
  }

  #closeOf({ app, slot }: WorkerFacts, recovery: string): void {
    this.#ring.closeWhere((incident) => incident.app === app && incident.worker === slot, recovery);
  }

  #closeOfMissingApps(): void {
    const apps = this.#apps();
    this.#ring.closeWhere(({ app }) => app !== null && !apps.includes(app), 'it was taken out');
  }
}

type WorkerEvent = Extract<SupervisorEvent, WorkerFacts>;

/** All that an event says beyond what stands in the incident: what is added to events later gets in by itself. */
function evidenceOf(event: SupervisorEvent): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).filter(([key]) => !NO_EVIDENCE.has(key)));
}

function quarantineKey({ app, fingerprint }: { app: string; fingerprint: string }): string {
  return `request-quarantined:${app}:${fingerprint}`;
}

function portKey(address: ListenerAddress): string {
  return `port-lost:${addressText(address)}`;
}

function silenceKey({ app, slot }: WorkerFacts): string {
  return `worker-silent:${app}/${slot}`;
}

function deathKey({ app, slot }: WorkerFacts): string {
  return `worker-died:${app}/${slot}`;
}

function bootKey({ app, slot }: WorkerFacts): string {
  return `worker-boot-failed:${app}/${slot}`;
}

function largeKey({ app, slot }: WorkerFacts): string {
  return `worker-too-large:${app}/${slot}`;
}

function ejectionKey({ app, worker, server }: { app: string; worker: number | null; server: string | null }): string {
  return `ejected:${app}/${server ?? worker}`;
}

const LIMITS = {
  limit: 'there are as many client connections as maxConnections allows',
  descriptors: 'there are as many client connections as open files allow (ulimit -n)',
  address: 'one address has as many connections as maxConnectionsPerAddress allows',
} as const;

/** What is done then. */
const AT_LIMIT = {
  limit: 'idle ones are closed to let others in; where none is idle, clients get 503',
  descriptors:
    'idle ones are closed to let others in; where none is idle, accepting pauses for up to a second, then clients get 503',
  address: 'further ones of that address get 503',
} as const;

const RETURNS = {
  time: 'it gets requests again',
  panic: 'nobody else was left: it gets requests again',
  gone: 'it was replaced, or nobody looks at failures any more',
} as const;

function sheddingKey(app: string): string {
  return `shedding:${app}`;
}

function restartText(delayMs: number | null): string {
  if (delayMs === null) return 'it is not restarted';
  return delayMs === 0 ? 'it is restarted at once' : `it is restarted in ${durationText(delayMs)}`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}

function times(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
