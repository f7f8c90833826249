import type { ControlClient } from '../../control/client.ts';
import type { Status, WhyReport, WorkerStatus } from '../../control/control-target.ts';
import type { Incident } from '../../core/incident.ts';
import type { Paint } from '../tables.ts';
import { Screen, type Terminal } from './terminal.ts';
import { HELP, linesOf, rateKey } from './view.ts';

/** How long it is shown what became of a key. */
const MESSAGE_MS = 5_000;

/** The live view of one instance. */
export class Top {
  readonly #client: ControlClient;
  readonly #terminal: Terminal;
  readonly #paint: Paint;
  readonly #screen: Screen;
  readonly #leave = new AbortController();
  #status: Status | null = null;
  #incidents: readonly Incident[] = [];
  #rates: ReadonlyMap<string, number> = new Map();
  #seen: ReadonlyMap<string, number> = new Map();
  #seenAtMs = 0;
  #selected = 0;
  #message = '';
  #messageUntilMs = 0;
  #page: readonly string[] | null = null;

  constructor(client: ControlClient, terminal: Terminal, paint: Paint) {
    this.#client = client;
    this.#terminal = terminal;
    this.#paint = paint;
    this.#screen = new Screen(terminal);
    terminal.onKey((key) => this.#onKey(key));
    terminal.onResize(() => {
      this.#screen.reset();
      this.#draw();
    });
  }

  /**
   * Shows it until somebody leaves, or the instance ends.
   * @returns whether it was left
   * @throws ControlFailure when the instance does not answer
   */
  async run(): Promise<boolean> {
    try {
      await this.#client.follow('/live', (status) => this.#onStatus(status as Status), this.#leave.signal);
    } catch (error) {
      if (!this.#leave.signal.aborted) throw error;
    }
    return this.#leave.signal.aborted;
  }

  #onStatus(status: Status): void {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#seenAtMs) / 1000;
    const seen = new Map(status.workers.map((worker) => [rateKey(worker), worker.requests]));
    this.#rates = new Map(
      [...seen].flatMap(([key, requests]) => {
        const before = this.#seen.get(key);
        return before === undefined ? [] : [[key, Math.max(0, requests - before) / seconds]];
      }),
    );
    this.#seen = seen;
    this.#seenAtMs = nowMs;
    this.#status = status;
    this.#select(this.#selected);
    this.#draw();
    void this.#readIncidents();
  }

  async #readIncidents(): Promise<void> {
    try {
      const { incidents } = await this.#client.get<{ incidents: Incident[] }>('/incidents');
      this.#incidents = incidents;
      this.#draw();
    } catch {
      // It is about to end, and the next status will not come either.
    }
  }

  #onKey(key: string): void {
    if (key === 'q' || key === '\x03') {
      this.#leave.abort();
      return;
    }
    if (this.#page !== null) {
      this.#page = null;
      this.#draw();
      return;
    }
    const worker = this.#status?.workers[this.#selected];
    switch (key) {
      case '\x1b[A':
      case '\x1bOA':
      case 'k':
        this.#select(this.#selected - 1);
        break;
      case '\x1b[B':
      case '\x1bOB':
      case 'j':
        this.#select(this.#selected + 1);
        break;
      case '?':
      case 'h':
        this.#page = HELP;
        break;
      case 'r':
        if (worker !== undefined) this.#act(`restart ${worker.id}`, () => this.#post(worker, 'restart'));
        break;
      case 'd':
        if (worker !== undefined) this.#act(`drain ${worker.id}`, () => this.#post(worker, 'drain'));
        break;
      case 'w':
        if (worker !== undefined) void this.#ask(worker);
        break;
      case '+':
      case '-':
        this.#scale(key === '+' ? 1 : -1, worker);
        break;
      case 'R':
        this.#act('reload', () => this.#client.post('/reload'));
        break;
      default:
        return;
    }
    this.#draw();
  }

  #scale(by: number, worker: WorkerStatus | undefined): void {
    const app = worker?.app ?? this.#status?.apps[0]?.name;
    this.#act(`scale ${by > 0 ? '+1' : '-1'}`, () =>
      this.#client.post('/scale', { by, ...(app === undefined ? {} : { app }) }),
    );
  }

  #post({ id }: WorkerStatus, what: string): Promise<unknown> {
    return this.#client.post(`/workers/${encodeURIComponent(id)}/${what}`);
  }

  async #ask(worker: WorkerStatus): Promise<void> {
    this.#say(`asking ${worker.id} ...`);
    try {
      const { text } = await this.#client.post<WhyReport>(`/workers/${encodeURIComponent(worker.id)}/why`);
      this.#page = text.split('\n');
      this.#message = '';
    } catch (error) {
      this.#say(`why ${worker.id}: ${error instanceof Error ? error.message : error}`);
    }
    this.#draw();
  }

  #act(what: string, act: () => Promise<unknown>): void {
    this.#say(`${what} ...`);
    void act().then(
      () => this.#say(`${what}: done`),
      (error: unknown) => this.#say(`${what}: ${error instanceof Error ? error.message : error}`),
    );
  }

  #say(message: string): void {
    this.#message = message;
    this.#messageUntilMs = performance.now() + MESSAGE_MS;
    this.#draw();
  }

  #select(index: number): void {
    this.#selected = Math.max(0, Math.min(index, (this.#status?.workers.length ?? 1) - 1));
  }

  #draw(): void {
    if (this.#status === null || this.#leave.signal.aborted) return;
    const view = {
      status: this.#status,
      incidents: this.#incidents,
      rates: this.#rates,
      selected: this.#selected,
      message: performance.now() < this.#messageUntilMs ? this.#message : '',
      page: this.#page,
    };
    this.#screen.draw(linesOf(view, this.#terminal.columns, this.#terminal.rows, this.#paint));
  }
}
