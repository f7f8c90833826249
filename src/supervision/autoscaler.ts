import { durationText } from '../core/duration-text.ts';

/** How often apps are looked at. */
const LOOK_EVERY_MS = 2_000;

/** Share of late in which event loops were busy, on the average of an app's workers, from which on it needs another one. */
const BUSY = 0.8;
/** Looks in a row that have to say so: one is a burst. */
const BUSY_LOOKS = 3;
/** A new worker needs a while to take its share, before which the rest looks busy still. */
const COOL_DOWN_UP_MS = 10_000;

/** One worker less is enough while the others would be no busier than this. */
const IDLE = 0.5;
/** For so long: what is not needed now may be in a minute. */
const IDLE_FOR_MS = 60_000;

/** A new worker must find so many times the memory of the largest one there is. */
const MEMORY_MARGIN = 1.25;
/** Of a new worker that nothing is known of. */
const UNKNOWN_BYTES = 128 * 1024 * 1024;

/** What is known of an app at one moment. */
export interface AppLoad {
  readonly app: string;
  /** Bounds of what was asked for; equal where it is a number. */
  readonly min: number;
  readonly max: number;
  /** How many there should be. */
  readonly workers: number;
  /** Share of late in which the loop was busy, 0-1, of each worker that is ready. */
  readonly utilizations: readonly number[];
  /** Requests that wait for a worker. */
  readonly queued: number;
  /** Resident memory of the largest worker; 0 = not known. */
  readonly largestBytes: number;
  /** What a new process could have. */
  readonly availableBytes: number;
}

export interface AutoscalerHost {
  loads(): readonly AppLoad[];
  /** @param why for people */
  scale(app: string, workers: number, why: string): void;
}

interface AppState {
  busyLooks: number;
  /** When one worker less began to be enough; 0 = it is not. Monotonic ms. */
  idleSinceMs: number;
  changedAtMs: number;
}

/**
 * Keeps the number of workers between `--workers min-max` near what is needed: one more while event loops are busy or
 * requests wait, one less when the rest would do for a minute. CPU use of a process would not do for it, since garbage
 * collection and native threads count there; utilisation of the loop is what requests wait for (Node's own measure,
 * `performance.eventLoopUtilization`). Never beyond the memory there is.
 */
export class Autoscaler {
  readonly #host: AutoscalerHost;
  readonly #now: () => number;
  readonly #apps = new Map<string, AppState>();
  readonly #timer: NodeJS.Timeout;

  /** @param now monotonic, ms */
  constructor(host: AutoscalerHost, now: () => number = () => performance.now()) {
    this.#host = host;
    this.#now = now;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Every two seconds by itself. */
  look(): void {
    for (const load of this.#host.loads()) if (load.min < load.max) this.#look(load);
  }

  #look(load: AppLoad): void {
    const nowMs = this.#now();
    const state = this.#stateOf(load.app);
    const { utilizations, queued, workers } = load;
    // While one is starting, or was just lost, the rest say nothing of how many are needed.
    if (utilizations.length < workers) return;
    const mean = utilizations.reduce((sum, one) => sum + one, 0) / workers;
    const isBusy = mean >= BUSY || queued > 0;
    state.busyLooks = isBusy ? state.busyLooks + 1 : 0;
    const wouldBe = workers === 1 ? 1 : (mean * workers) / (workers - 1);
    if (isBusy || wouldBe > IDLE) state.idleSinceMs = 0;
    else if (state.idleSinceMs === 0) state.idleSinceMs = nowMs;

    if (state.busyLooks >= BUSY_LOOKS && workers < load.max && nowMs - state.changedAtMs >= COOL_DOWN_UP_MS) {
      if (hasRoom(load)) this.#scale(load, workers + 1, busyText(mean, queued), nowMs);
    } else if (state.idleSinceMs !== 0 && workers > load.min && nowMs - state.idleSinceMs >= IDLE_FOR_MS) {
      this.#scale(load, workers - 1, `event loops were idle for ${durationText(nowMs - state.idleSinceMs)}`, nowMs);
    }
  }

  #scale({ app }: AppLoad, workers: number, why: string, nowMs: number): void {
    this.#apps.set(app, { busyLooks: 0, idleSinceMs: 0, changedAtMs: nowMs });
    this.#host.scale(app, workers, why);
  }

  #stateOf(app: string): AppState {
    let state = this.#apps.get(app);
    if (state === undefined) {
      state = { busyLooks: 0, idleSinceMs: 0, changedAtMs: Number.NEGATIVE_INFINITY };
      this.#apps.set(app, state);
    }
    return state;
  }
}

function hasRoom({ largestBytes, availableBytes }: AppLoad): boolean {
  return availableBytes >= MEMORY_MARGIN * (largestBytes === 0 ? UNKNOWN_BYTES : largestBytes);
}

function busyText(mean: number, queued: number): string {
  if (mean >= BUSY) return `event loops are ${Math.round(mean * 100)} % busy`;
  return `${queued} ${queued === 1 ? 'request waits' : 'requests wait'} for a worker`;
}
