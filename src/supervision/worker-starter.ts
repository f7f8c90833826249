import { randomBytes } from 'node:crypto';
import { CHANNEL_VERSION, type FromSupervisor } from '../channel/messages.ts';
import { DEFAULT_PORT } from '../config/child-protocol.ts';
import type { AppOptions } from '../config/options.ts';
import type { LogSource } from '../observability/log-book.ts';
import type { Meters } from '../observability/meters.ts';
import type { BalancerThread } from './balancer-thread.ts';
import { type ChildAddress, type ChildAddresses, whenAccepting } from './child-address.ts';
import type { Guard } from './guard.ts';
import type { OutputSink } from './output.ts';
import type { OwnPreload } from './own-preload.ts';
import { isHeldAtFirst } from './readiness.ts';
import { workerCommand } from './worker-command.ts';
import { type WorkerObserver, type WorkerPlan, WorkerProcess } from './worker-process.ts';
import { WorkerState } from './worker-state.ts';

/** Output of the first worker appears after this long even if it is not ready; that of all others, after the second. */
const HOLD_OUTPUT_MS = 1_000;
const HOLD_REPEATED_OUTPUT_MS = 5_000;

export interface WorkerStarterParts {
  readonly linkPaths: readonly string[];
  readonly childAddresses: ChildAddresses;
  readonly meters: Meters;
  readonly preload: OwnPreload;
  readonly guard: Guard;
  readonly out: OutputSink;
  readonly err: OutputSink;
}

export interface WorkerStarterHost {
  /** To every balancer thread. */
  post(message: FromSupervisor): void;
  /** Unique among all apps. */
  nextIncarnation(): number;
  /** A worker has written whole lines. */
  logged(source: LogSource, lines: Buffer): void;
}

/** Which place a worker is started for. */
export interface StartFor {
  readonly slot: number;
  readonly generation: number;
  /** Its first output is not long in coming: nothing has failed before it. */
  readonly isFirst: boolean;
}

/** Starts the workers of one app, and tells balancer threads who they are and where they are met. */
export class WorkerStarter {
  readonly #parts: WorkerStarterParts;
  readonly #host: WorkerStarterHost;

  constructor(parts: WorkerStarterParts, host: WorkerStarterHost) {
    this.#parts = parts;
    this.#host = host;
  }

  start(options: AppOptions, start: StartFor, observer: WorkerObserver): WorkerProcess {
    const { guard, out, err } = this.#parts;
    const plan = this.#plan(options, start);
    this.#host.post(this.#expectation(plan, plan.isHeld));
    guard.expect(plan.command.mark);
    const worker = new WorkerProcess(plan, out, err, observer);
    if (worker.group !== 0) guard.watch(worker.group);
    worker.output.tap = (stream, lines) => {
      this.#host.logged({ app: plan.app, slot: plan.slot, pid: worker.pid, stream }, lines);
    };
    if (plan.childAddress !== null) void this.#serveWhenAccepting(worker, plan.childAddress, options);
    return worker;
  }

  /** Tells a balancer thread of a worker that was there before it. */
  introduce(worker: WorkerProcess, options: AppOptions, thread: BalancerThread): void {
    const { plan } = worker;
    const isHeld = plan.isHeld && worker.state === WorkerState.Starting;
    thread.post(this.#expectation(plan, isHeld));
    if (worker.servesByItself) thread.post(this.#service(plan, plan.childAddress!, options, isHeld));
  }

  /** Its process has ended. */
  ended({ plan }: WorkerProcess): void {
    this.#host.post({ type: 'forget-worker', worker: plan.incarnation });
    if (plan.childAddress !== null) this.#parts.childAddresses.release(plan.childAddress);
  }

  #plan(options: AppOptions, { slot, generation, isFirst }: StartFor): WorkerPlan {
    const { linkPaths, preload, childAddresses } = this.#parts;
    const incarnation = this.#host.nextIncarnation();
    const token = randomBytes(16).toString('hex');
    const travels = options.app.form === 'command';
    const birth = { version: CHANNEL_VERSION, slot, worker: incarnation, token, linkPaths, travels };
    const childAddress = options.protocol === 'link' ? null : childAddresses.allocate(options.childAddress);
    return {
      ...{ incarnation, app: options.name, slot, generation, token, childAddress },
      isHeld: isHeldAtFirst(options) || options.standby > 0,
      command: workerCommand(options, birth, preload.locate(), childAddress),
      threads: linkPaths.length,
      bootTimeoutMs: options.bootTimeoutMs,
      holdOutputMs: isFirst ? HOLD_OUTPUT_MS : HOLD_REPEATED_OUTPUT_MS,
    };
  }

  /** One that does not dial in is there when it accepts connections. */
  async #serveWhenAccepting(worker: WorkerProcess, address: ChildAddress, options: AppOptions): Promise<void> {
    const isThere = await whenAccepting(address, worker.ended);
    if (!isThere || worker.isLinked || worker.address !== null) return;
    worker.servesByItself = true;
    this.#host.post(this.#service(worker.plan, address, options, worker.plan.isHeld));
  }

  #expectation({ incarnation, app, slot, token }: WorkerPlan, isHeld: boolean): FromSupervisor {
    const meter = this.#parts.meters.worker(incarnation);
    return { type: 'expect-worker', worker: incarnation, pool: app, slot, token, isHeld, meter };
  }

  #service(plan: WorkerPlan, { url }: ChildAddress, options: AppOptions, isHeld: boolean): FromSupervisor {
    const { incarnation, app, slot } = plan;
    const { port, healthPath, env } = options;
    const meter = this.#parts.meters.worker(incarnation);
    const host = env.HOST === undefined || env.HOST === '' ? null : env.HOST;
    return {
      ...{ type: 'serve-worker', worker: incarnation, pool: app, slot, url, isHeld, meter },
      ...{ host, port: port ?? DEFAULT_PORT, healthPath },
    };
  }
}
