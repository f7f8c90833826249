import type { InFlightRequest } from '../channel/messages.ts';
import type { SupervisorEvent, WorkerFacts } from './events.ts';
import { explainHang, type HangReport, type HangSubject, isBeingDebugged } from './hang-report.ts';
import { oldestOf } from './in-flight.ts';
import { factsOf, type WorkerProcess } from './worker-process.ts';
import type { WorkerQuestions } from './worker-questions.ts';
import { WorkerState } from './worker-state.ts';

/** A worker that is told to end for its own failure gets this long. */
const NOTICE_MS = 1_000;

export interface HungWorkersHost {
  readonly isClosing: boolean;
  readonly questions: WorkerQuestions;
  emit(event: SupervisorEvent): void;
  /** Starts what takes its place, if it has one. */
  replace(worker: WorkerProcess): void;
  /** What it has in hand may be why. */
  blame(worker: WorkerProcess, inFlight: readonly InFlightRequest[]): void;
  /** It is to be left alone this time; it counts as silent anew. */
  spare(worker: WorkerProcess): void;
}

/** What a worker does when it is asked why it does not answer, or whether it does. */
export interface WorkerExplanation extends HangReport, WorkerFacts {
  /** How long its event loop took to answer; null = it is blocked. ms */
  readonly answeredInMs: number | null;
  /** Share of late in which its event loop was busy, 0-1; null where it is blocked. */
  readonly loopUtilization: number | null;
}

/** Replaces workers that are silent for too long, and says why they were. */
export class HungWorkers {
  readonly #host: HungWorkersHost;

  constructor(host: HungWorkersHost) {
    this.#host = host;
  }

  /** It has been silent beyond the limit: another is started, it is explained, and then ended. */
  async hung(worker: WorkerProcess, silentMs: number): Promise<void> {
    const isLeftAlone = await isBeingDebugged(worker.pid);
    if (this.#isOver(worker)) return;
    if (!isLeftAlone) {
      worker.condemn('hung');
      this.#host.replace(worker);
    }
    const report = await explainHang(this.#subject(worker, null), 'end');
    if (this.#host.isClosing) return;
    // It may be gone by the time that it is explained: what it had in hand is to blame for that just the same.
    const isGone = this.#isOver(worker);
    const told = { ...report, inFlight: oldestOf(report.inFlight) };
    if (!isGone) this.#host.emit({ type: 'worker-hung', ...factsOf(worker), silentMs, report: told, isLeftAlone });
    if (isLeftAlone) {
      if (!isGone) this.#host.spare(worker);
      return;
    }
    // Whoever stopped it, it was not a request.
    if (report.activity !== 'stopped') this.#host.blame(worker, report.inFlight);
    if (!isGone) worker.dismiss('hung', NOTICE_MS);
  }

  /** Explains it on demand and lets it go on. The inspector is opened only where its event loop does not answer. */
  async why(worker: WorkerProcess): Promise<WorkerExplanation> {
    const description = await this.#host.questions.describe(worker.incarnation);
    const { answeredInMs, loopUtilization } = description;
    const subject = this.#subject(worker, description.inFlight);
    const report = await explainHang(subject, answeredInMs === null ? 'go-on' : 'look');
    return { ...report, ...factsOf(worker), answeredInMs, loopUtilization };
  }

  #subject(worker: WorkerProcess, inFlight: readonly InFlightRequest[] | null): HangSubject {
    const { questions } = this.#host;
    return {
      pid: worker.pid,
      isNode: !worker.servesByItself,
      expectInspector: (onOpen) => worker.output.expectInspector(onOpen),
      inFlight: async () => inFlight ?? (await questions.describe(worker.incarnation)).inFlight,
    };
  }

  #isOver(worker: WorkerProcess): boolean {
    return this.#host.isClosing || worker.state === WorkerState.Exited;
  }
}
