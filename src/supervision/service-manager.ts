import type { SupervisorEvent } from './events.ts';
import { SdNotify } from './sd-notify.ts';
import type { Supervisor } from './supervisor.ts';

/** Beyond the drain limit: for what comes after it, the last notices among that. */
const END_MARGIN_MS = 10_000;
/** How long the last message may hold up the end. */
const FLUSH_LIMIT_MS = 1_000;

/** What a service manager lets us know in the environment. sd_notify(3), sd_watchdog_enabled(3) */
export interface ServiceManagerFacts {
  /** NOTIFY_SOCKET: a path, or `@name`. */
  readonly socket: string;
  /** It restarts us when it has not heard of us for so long; null = it does not. ms */
  readonly watchdogMs: number | null;
  /** The process that it started, where it says so and it is not us (`npx evener`). */
  readonly isOtherProcess: boolean;
}

/** @returns null where there is none */
export function serviceManagerIn(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): ServiceManagerFacts | null {
  const socket = env.NOTIFY_SOCKET ?? '';
  if (!/^[/@]./.test(socket)) return null;
  const microseconds = Number(env.WATCHDOG_USEC ?? '');
  const isForUs = (env.WATCHDOG_PID ?? '') === '' || Number(env.WATCHDOG_PID) === pid;
  const started = Number(env.SYSTEMD_EXEC_PID ?? '');
  return {
    socket,
    watchdogMs: microseconds > 0 && isForUs ? microseconds / 1000 : null,
    isOtherProcess: started > 0 && started !== pid,
  };
}

/** Tells systemd, or who speaks like it, how a supervisor fares: ready, reloading, stopping, alive. */
export class ServiceManager {
  readonly #supervisor: Supervisor;
  readonly #facts: ServiceManagerFacts;
  readonly #notify: SdNotify;
  readonly #ready = new Set<number>();
  #watchdog: NodeJS.Timeout | null = null;
  #isReady = false;
  #isReloading = false;
  #isStopping = false;
  #status = '';

  /** @param troubled called once, when nothing can be told */
  constructor(supervisor: Supervisor, facts: ServiceManagerFacts, troubled: (reason: string) => void) {
    this.#supervisor = supervisor;
    this.#facts = facts;
    this.#notify = new SdNotify(facts.socket, troubled);
    supervisor.subscribe((event) => this.#hear(event));
    if (facts.watchdogMs === null) return;
    this.#watchdog = setInterval(() => {
      // Where one still waits to be sent, another says nothing more.
      if (!this.#notify.isBusy) this.#notify.send('WATCHDOG=1');
    }, facts.watchdogMs / 2);
    this.#watchdog.unref();
  }

  /** Lets the last message go out. */
  async close(): Promise<void> {
    if (this.#watchdog !== null) clearInterval(this.#watchdog);
    await this.#notify.flush(FLUSH_LIMIT_MS);
  }

  #hear(event: SupervisorEvent): void {
    switch (event.type) {
      case 'worker-ready':
        this.#ready.add(event.pid);
        break;
      case 'worker-died':
      case 'worker-retired':
        this.#ready.delete(event.pid);
        break;
      case 'reload-started':
        this.#reloading();
        return;
      case 'reload-done':
        this.#reloaded('');
        return;
      case 'reload-failed':
        // One that ends with its options has not even begun.
        if (!this.#isReloading) this.#reloading();
        this.#reloaded(`; the last reload failed: ${event.reason}`);
        return;
      case 'draining':
        this.#stopping(`finishing what is in flight`, event.limitMs);
        return;
      case 'failed':
        this.#stopping(event.reason, 0);
        return;
      default:
        break;
    }
    // That it runs comes to be so after the event that makes it so.
    setImmediate(() => this.#tell());
  }

  #tell(): void {
    if (this.#isStopping || this.#isReloading) return;
    const status = this.#statusText();
    if (!this.#isReady && this.#supervisor.isRunning) {
      this.#isReady = true;
      this.#status = status;
      this.#notify.send('READY=1', ...this.#mainPid(), `STATUS=${status}`);
    } else if (status !== this.#status) {
      this.#status = status;
      this.#notify.send(`STATUS=${status}`);
    }
  }

  #reloading(): void {
    this.#isReloading = true;
    // CLOCK_MONOTONIC, which tells this reload from one that was asked for meanwhile.
    const microseconds = process.hrtime.bigint() / 1000n;
    this.#notify.send('RELOADING=1', `MONOTONIC_USEC=${microseconds}`, 'STATUS=reloading');
  }

  #reloaded(remark: string): void {
    this.#isReloading = false;
    this.#status = `${this.#statusText()}${oneLine(remark)}`;
    this.#notify.send('READY=1', `STATUS=${this.#status}`);
  }

  #stopping(why: string, limitMs: number): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const microseconds = (limitMs + END_MARGIN_MS) * 1000;
    this.#notify.send('STOPPING=1', `STATUS=${oneLine(why)}`, `EXTEND_TIMEOUT_USEC=${microseconds}`);
  }

  #statusText(): string {
    const { workers } = this.#supervisor;
    return `${this.#ready.size} of ${workers} worker${workers === 1 ? '' : 's'} ready`;
  }

  #mainPid(): string[] {
    return this.#facts.isOtherProcess ? [`MAINPID=${process.pid}`] : [];
  }
}

/** A message's lines are its fields, and it is sent as an argument, which a zero byte would end. */
function oneLine(text: string): string {
  return text.replace(/[\s\0]+/g, ' ').slice(0, 500);
}
