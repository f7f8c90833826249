import { type Api, ApiFailure } from './api.ts';
import type { AppStatus, RecordedEvent, Status, WorkerStatus } from './api-types.ts';
import { askToken, confirmed } from './dialogs.ts';
import { byId, onPress, setAttribute, setEnabled, setText } from './dom.ts';
import { counted, spanText } from './format.ts';
import type { Notices } from './notices.ts';
import type { WorkerAct } from './workers.ts';

/** The buttons: asks where it has to, does it, and tells what came of it. */
export class Controls {
  readonly #api: Api;
  readonly #notices: Notices;
  readonly #onBusy: () => void;
  readonly #reload = byId<HTMLButtonElement>('reload');
  readonly #stop = byId<HTMLButtonElement>('stop');
  readonly #fewer = byId<HTMLButtonElement>('fewer');
  readonly #more = byId<HTMLButtonElement>('more');
  readonly #busy = new Map<string, string>();
  #app: AppStatus | null = null;
  #status: Status | null = null;
  #isReloading = false;
  /** Of the newest worker when the reload began. */
  #generation = 0;

  /** @param onBusy called when {@link busy} has changed */
  constructor(api: Api, notices: Notices, onBusy: () => void) {
    this.#api = api;
    this.#notices = notices;
    this.#onBusy = onBusy;
    onPress(this.#reload, () => void this.#doReload());
    onPress(this.#stop, () => void this.#doStop());
    onPress(this.#fewer, () => void this.#scaleBy(-1));
    onPress(this.#more, () => void this.#scaleBy(1));
  }

  /** What is being done with a worker, by its id. */
  get busy(): ReadonlyMap<string, string> {
    return this.#busy;
  }

  draw(status: Status, app: AppStatus | null): void {
    this.#status = status;
    this.#app = app;
    const isRunning = status.state === 'running';
    setEnabled(this.#reload, isRunning && !this.#isReloading);
    setEnabled(this.#stop, status.state !== 'stopping');
    setText(this.#reload, this.#reloadText(status));
    setAttribute(this.#reload, 'aria-busy', this.#isReloading ? 'true' : null);
    // A pool of servers has no workers to be had more or fewer of.
    const isPool = [...status.servers, ...status.sources].some(({ pool }) => pool === app?.name);
    this.#fewer.hidden = isPool;
    this.#more.hidden = isPool;
    byId('scale').hidden = app === null;
    setEnabled(this.#more, isRunning);
    setEnabled(this.#fewer, isRunning && (app?.workers.wanted ?? 0) > 1);
  }

  /** Reloads that somebody else asked for are shown as well. */
  heard({ event }: RecordedEvent): void {
    if (event.type === 'reload-started') this.#reloads(true);
    else if (event.type === 'reload-done' || event.type === 'reload-failed') this.#reloads(false);
  }

  async actOn(act: Exclude<WorkerAct, 'show' | 'why'>, worker: WorkerStatus): Promise<void> {
    const { id, pid } = worker;
    const path = `workers/${encodeURIComponent(id)}/${act}`;
    if (act === 'drain') {
      const text =
        'It gets nothing new, finishes what it has, and ends. Its place stays empty until you start it again.';
      if (!(await confirmed({ title: `Drain worker ${id}?`, text, act: 'Drain' }))) return;
      await this.#whileBusy(id, 'draining…', () => this.post(path, `Draining worker ${id}`));
      return;
    }
    if (pid !== null) {
      const text = 'Another worker is started in its place. This one finishes what it has, and ends.';
      if (!(await confirmed({ title: `Restart worker ${id}?`, text, act: 'Restart', isHarmless: true }))) return;
    }
    const doing = pid === null ? 'starting…' : 'restarting…';
    const done = await this.#whileBusy(id, doing, () => this.post(path, `Restarting worker ${id}`));
    if (done !== null) this.#notices.tell(`Worker ${id} is ready.`);
  }

  /** Changes something. Where the token is missing it is asked for. @returns null when it was not done */
  async post<T>(path: string, what: string, body?: object): Promise<T | null> {
    const before = this.#api.token;
    for (;;) {
      try {
        return await this.#api.post<T>(path, body);
      } catch (error) {
        const failure = error instanceof ApiFailure ? error : new ApiFailure(0, String(error));
        if (!failure.isLocked) {
          this.#notices.fail(`${what} failed: ${failure.message}.`, failure.output);
          return null;
        }
        const token = await askToken(this.#api.token !== before ? 'wrong' : 'to-change');
        // One that does not fit must not lock the page out of what it may read without.
        this.#api.setToken(token ?? before);
        if (token === null) return null;
      }
    }
  }

  async #doReload(): Promise<void> {
    const generation = this.#newest();
    this.#reloads(true, generation);
    const done = await this.post<{ tookMs: number }>('reload', 'Reload');
    this.#reloads(false);
    if (done !== null) this.#notices.tell(`Reloaded in ${spanText(done.tookMs)}.`);
  }

  async #doStop(): Promise<void> {
    const name = this.#status?.name ?? 'Evener';
    const text = `It finishes what is in flight, ends all workers, and then itself. This page cannot start it again.`;
    if (!(await confirmed({ title: `Stop ${name}?`, text, act: 'Stop' }))) return;
    if ((await this.post('stop', 'Stop', {})) !== null) this.#notices.tell(`${name} is stopping.`);
  }

  async #scaleBy(by: number): Promise<void> {
    const app = this.#app;
    if (app === null) return;
    const answer = await this.post<{ apps: AppStatus[] }>('scale', 'Scaling', { app: app.name, by });
    const wanted = answer?.apps.find(({ name }) => name === app.name)?.workers.wanted;
    if (wanted !== undefined) this.#notices.tell(`${app.name}: ${counted(wanted, 'worker')}.`);
  }

  async #whileBusy<T>(id: string, doing: string, act: () => Promise<T>): Promise<T> {
    this.#busy.set(id, doing);
    this.#onBusy();
    try {
      return await act();
    } finally {
      this.#busy.delete(id);
      this.#onBusy();
    }
  }

  #reloads(isReloading: boolean, generation: number = this.#newest()): void {
    if (isReloading === this.#isReloading) return;
    this.#isReloading = isReloading;
    this.#generation = generation;
    if (this.#status !== null) this.draw(this.#status, this.#app);
  }

  #newest(): number {
    return Math.max(0, ...(this.#status?.workers ?? []).map(({ generation }) => generation));
  }

  #reloadText({ workers, apps }: Status): string {
    if (!this.#isReloading) return 'Reload';
    const fresh = workers.filter(({ generation, state }) => generation > this.#generation && state === 'ready').length;
    const wanted = apps.reduce((sum, app) => sum + app.workers.wanted, 0);
    return `Reloading ${fresh}/${wanted}`;
  }
}
