import type { TrialSettings } from '../channel/messages.ts';
import type { CanaryTerms } from '../config/options.ts';
import type { CanaryStatus, JudgedSide, JudgedWorker } from '../control/control-target.ts';
import { EvenerError } from '../core/evener-error.ts';
import { judge, judgeEarly, type Observed, type Verdict } from '../health/judgement.ts';
import { BUCKETS, bucketOf, quantileMs } from '../observability/histogram.ts';
import type { Meters } from '../observability/meters.ts';
import { sharedBlock, TRIAL_CELLS } from '../observability/shared-memory.ts';
import { readTrial } from '../observability/trial-meter.ts';
import type { SupervisorEvent } from './events.ts';
import type { WorkerFleet } from './worker-fleet.ts';
import { factsOf, type WorkerProcess } from './worker-process.ts';
import type { WorkerSlot } from './worker-slot.ts';
import { WorkerState } from './worker-state.ts';

/** How often it is looked at, which is how often workers tell of their event loops. */
const LOOK_MS = 250;
/** Times of a newcomer's first requests are those of a cold compiler: a tenth of the trial, and no more than this. */
const WARM_UP_MS = 5_000;
/**
 * One that is tried out and silent for so long is given up: there is no need to wait for the hang limit, since the others are
 * known to work. Where one of those is silent for half as long it is the machine.
 */
const SILENCE_MS = 3_000;

/** What came of a trial. Plain data. */
export type CanaryReport = JudgedWorker;

export interface CanaryHost {
  readonly isClosing: boolean;
  readonly meters: Meters;
  /** How many balancer threads count. */
  readonly threads: number;
  emit(event: SupervisorEvent): void;
}

/** What was seen of event loops. */
class LoopLooks {
  readonly delays = new Float64Array(BUCKETS);
  #utilization = 0;
  #looks = 0;

  look(delayMs: number, utilization: number): void {
    this.delays[bucketOf(delayMs)]!++;
    this.#utilization += utilization;
    this.#looks++;
  }

  get utilization(): number {
    return this.#looks === 0 ? 0 : Math.round((this.#utilization / this.#looks) * 1000) / 1000;
  }
}

/** The first worker of a new version, which serves beside those of before until it is known how it does. */
export class Canary {
  readonly fleet: WorkerFleet;
  readonly #slot: WorkerSlot;
  readonly #terms: CanaryTerms;
  readonly #host: CanaryHost;
  readonly #newcomerMeter: SharedArrayBuffer;
  readonly #othersMeter: SharedArrayBuffer;
  readonly #loop = new LoopLooks();
  readonly #otherLoops = new LoopLooks();
  #worker: WorkerProcess | null = null;
  #others: readonly WorkerProcess[] = [];
  #sinceMs = 0;

  constructor(fleet: WorkerFleet, slot: WorkerSlot, terms: CanaryTerms, host: CanaryHost) {
    this.fleet = fleet;
    this.#slot = slot;
    this.#terms = terms;
    this.#host = host;
    this.#newcomerMeter = sharedBlock(host.threads, TRIAL_CELLS);
    this.#othersMeter = sharedBlock(host.threads, TRIAL_CELLS);
  }

  /** null while there is no process. */
  get status(): CanaryStatus | null {
    if (this.#worker === null) return null;
    const { share, forMs } = this.#terms;
    const leftMs = this.#sinceMs === 0 ? null : Math.max(0, Math.round(this.#sinceMs + forMs - performance.now()));
    return { ...factsOf(this.#worker), share, leftMs };
  }

  /** Resolves when it serves. @throws EvenerError EVENER_RELOAD_FAILED: it did not come up */
  async start(): Promise<void> {
    const { worker, ready } = await this.#slot.tryOut();
    this.#worker = worker;
    // Before it is known to anybody else: it is to get its share from its first request on.
    this.#tell(false);
    await ready;
    this.#sinceMs = performance.now();
    this.#tell(true);
    const { share, forMs } = this.#terms;
    this.#host.emit({ type: 'canary-serving', ...factsOf(worker), share, forMs });
  }

  /** Resolves when its time is over, or it is clear before that it is no good. @param signal nobody wants to know any more */
  async judge(signal: AbortSignal): Promise<CanaryReport | null> {
    const worker = this.#worker!;
    const endsAtMs = this.#sinceMs + this.#terms.forMs;
    for (;;) {
      await sleepUnless(Math.min(LOOK_MS, endsAtMs - performance.now()), worker.ended);
      if (signal.aborted || this.#host.isClosing) return null;
      const fault = this.#faultOf(worker);
      if (fault !== null) return this.#report('back', fault);
      this.#look(worker);
      const isOver = performance.now() >= endsAtMs;
      const judgement = (isOver ? judge : judgeEarly)(...this.#observed());
      if (judgement !== null) return this.#report(judgement.verdict, judgement.reason);
    }
  }

  /**
   * It stays, and the one that it served beside goes once it listens wherever that one does.
   * @returns the place that is filled anew; null when it has died meanwhile
   */
  async promote(limitMs: number): Promise<WorkerSlot | null> {
    this.fleet.setTrial(null);
    return (await this.#slot.promote(limitMs)) ? this.#slot : null;
  }

  /** It goes. Resolves when it has. */
  async withdraw(limitMs: number): Promise<void> {
    // In this order: else it would be as good as any for a moment.
    this.#slot.withdraw(limitMs);
    this.fleet.setTrial(null);
    const { ended } = this.#worker ?? { ended: AbortSignal.abort() };
    if (!ended.aborted) await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
  }

  /** Balancer threads know it as what it is. */
  #tell(isCounting: boolean): void {
    const { incarnation } = this.#worker!;
    this.#others = this.fleet.in(WorkerState.Ready).filter((other) => other !== this.#worker);
    const settings: TrialSettings = {
      worker: incarnation,
      others: this.#others.map((other) => other.incarnation),
      share: this.#terms.share,
      isCounting,
      warmUpMs: Math.min(WARM_UP_MS, this.#terms.forMs / 10),
      newcomerMeter: this.#newcomerMeter,
      othersMeter: this.#othersMeter,
    };
    this.fleet.setTrial(settings);
  }

  /** What ends a trial at once; null = nothing. */
  #faultOf(worker: WorkerProcess): string | null {
    if (worker.state === WorkerState.Exited) return 'it died';
    if (worker.dismissal === 'hung') return 'it hung';
    if (worker.dismissal !== null || worker.state !== WorkerState.Ready) return 'it was ended';
    const { meters } = this.#host;
    const { loopDelayMs } = meters.readWorker(worker.incarnation);
    if (loopDelayMs < SILENCE_MS) return null;
    const isMachine = this.#alive.some((other) => {
      return meters.readWorker(other.incarnation).loopDelayMs >= SILENCE_MS / 2;
    });
    return isMachine ? null : `its event loop has been silent for ${Math.round(loopDelayMs / 100) / 10} s`;
  }

  get #alive(): WorkerProcess[] {
    return this.#others.filter(({ state }) => state === WorkerState.Ready);
  }

  #look(worker: WorkerProcess): void {
    const { meters } = this.#host;
    const { loopDelayMs, utilization } = meters.readWorker(worker.incarnation);
    this.#loop.look(loopDelayMs, utilization);
    for (const other of this.#alive) {
      const reading = meters.readWorker(other.incarnation);
      this.#otherLoops.look(reading.loopDelayMs, reading.utilization);
    }
  }

  #observed(): [Observed, Observed] {
    return [
      { ...readTrial(this.#newcomerMeter), loopDelays: this.#loop.delays },
      { ...readTrial(this.#othersMeter), loopDelays: this.#otherLoops.delays },
    ];
  }

  #report(verdict: Verdict, reason: string): CanaryReport {
    const [newcomer, others] = this.#observed();
    const report: CanaryReport = {
      ...factsOf(this.#worker!),
      verdict,
      reason,
      share: this.#terms.share,
      lastedMs: Math.round(performance.now() - this.#sinceMs),
      newcomer: figuresOf(newcomer, 1, this.#loop),
      others: figuresOf(others, this.#others.length, this.#otherLoops),
    };
    this.#host.emit({ type: 'reload-judged', ...report });
    return report;
  }
}

/**
 * Tries out the new version of several apps at the same time.
 * @returns the reports, when all of them may go on
 * @throws EvenerError EVENER_RELOAD_FAILED: one did not come up, or is worse; all of them have gone
 */
export async function tryOutAll(canaries: readonly Canary[], host: CanaryHost): Promise<CanaryReport[]> {
  const isOff = new AbortController();
  const reports: CanaryReport[] = [];
  try {
    await allOf(canaries.map((canary) => canary.start()));
    await allOf(
      canaries.map(async (canary) => {
        const report = await canary.judge(isOff.signal);
        if (report === null) {
          if (host.isClosing) throw failure('stopped meanwhile', reports);
          return;
        }
        reports.push(report);
        if (report.verdict === 'back') throw failure(`the new version was taken back: ${report.reason}`, reports);
      }),
      () => isOff.abort(),
    );
    return reports;
  } catch (error) {
    await Promise.all(canaries.map((canary) => canary.withdraw(canary.fleet.options.drainLimitMs)));
    throw error;
  }
}

/** The first failure, once all of them have settled. @param onFailure hears of it at once */
async function allOf(promises: readonly Promise<void>[], onFailure: () => void = () => {}): Promise<void> {
  const failures: unknown[] = [];
  const one = async (promise: Promise<void>): Promise<void> => {
    await promise.catch((error: unknown) => {
      failures.push(error);
      onFailure();
    });
  };
  await Promise.all(promises.map(one));
  if (failures.length > 0) throw failures[0];
}

function failure(reason: string, judged: readonly CanaryReport[]): EvenerError {
  return new EvenerError('EVENER_RELOAD_FAILED', reason, { reason, judged: [...judged] });
}

function figuresOf(
  { requests, failures, latencies, loopDelays }: Observed,
  workers: number,
  looks: LoopLooks,
): JudgedSide {
  return {
    workers,
    requests,
    failures,
    p50Ms: rounded(quantileMs(latencies, 0.5)),
    p99Ms: rounded(quantileMs(latencies, 0.99)),
    loopDelayMs: rounded(quantileMs(loopDelays, 0.9)),
    utilization: looks.utilization,
  };
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100;
}

/** Resolves after so long, or when the signal is aborted. */
function sleepUnless(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
