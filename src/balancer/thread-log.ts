import type { AccessLogSettings, FromBalancer } from '../channel/messages.ts';
import { AccessLog } from '../observability/access-log.ts';
import type { Counters } from '../observability/counters.ts';
import { LogFile } from '../observability/log-file.ts';
import { LogRelay } from '../observability/log-relay.ts';

/** The access log of this thread, as the options say: there may be none, and that may change. */
export class ThreadLog {
  readonly #counters: Counters;
  readonly #tell: (message: FromBalancer) => void;
  #settings: AccessLogSettings | null = null;
  #log: AccessLog | null = null;
  #relay: LogRelay | null = null;

  constructor(counters: Counters, tell: (message: FromBalancer) => void) {
    this.#counters = counters;
    this.#tell = tell;
  }

  /** null = nothing is logged. */
  get current(): AccessLog | null {
    return this.#log;
  }

  configure(settings: AccessLogSettings | null): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#log?.close();
    this.#settings = settings;
    this.#log = settings === null ? null : this.#open(settings);
  }

  /** Lines have been written to stdout. */
  written(bytes: number): void {
    this.#relay?.written(bytes);
  }

  flush(): void {
    this.#log?.flush();
  }

  reopen(): void {
    this.#log?.reopen();
  }

  close(): void {
    this.#log?.close();
    this.#log = null;
  }

  #open(settings: AccessLogSettings): AccessLog {
    const { file } = settings;
    this.#relay = file === null ? new LogRelay((lines) => this.#tell({ type: 'log-lines', lines })) : null;
    const sink = this.#relay ?? new LogFile(file!, (reason) => this.#tell({ type: 'log-state', reason }));
    return new AccessLog(settings, sink, this.#counters);
  }
}
