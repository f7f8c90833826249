import { Activity } from './activity.ts';
import { Api, type ApiFailure } from './api.ts';
import type { AppHistory, Incident, RecordedEvent, Status } from './api-types.ts';
import { AppPicker } from './app-picker.ts';
import { Charts } from './charts.ts';
import { Controls } from './controls.ts';
import { askToken } from './dialogs.ts';
import { byId, setAttribute, setText } from './dom.ts';
import { History } from './history.ts';
import { Incidents } from './incidents.ts';
import { LinkBanner } from './link-banner.ts';
import { LiveFeed } from './live-feed.ts';
import { Notices } from './notices.ts';
import { Servers } from './servers.ts';
import { Summary } from './summary.ts';
import { WorkerDialog } from './worker-dialog.ts';
import { Workers } from './workers.ts';

/** Events come in crowds: a reload has several a worker. */
const GATHER_MS = 250;

/**
 * The dashboard. The status comes once a second (`/live`) and everything is drawn from the last one; what happens comes by
 * itself (`/events`), and tells when to ask for the incidents again.
 */
class Dashboard {
  readonly #api = new Api();
  readonly #history = new History();
  readonly #summary = new Summary();
  readonly #charts = new Charts();
  readonly #incidents = new Incidents();
  readonly #activity = new Activity();
  readonly #controls = new Controls(this.#api, new Notices(), () => this.#draw());
  readonly #picker = new AppPicker(() => this.#draw());
  readonly #workerDialog = new WorkerDialog({
    api: this.#api,
    post: (path, what) => this.#controls.post(path, what),
  });
  readonly #servers = new Servers();
  readonly #workers = new Workers((act, worker) => {
    if (act === 'show' || act === 'why') this.#workerDialog.open(worker, act === 'why');
    else void this.#controls.actOn(act, worker);
  });
  readonly #banner = new LinkBanner({ retry: () => this.#retry(), unlock: () => void this.#unlock(null) });
  readonly #live = new LiveFeed(
    this.#api,
    { path: 'live', isSteady: true },
    {
      onOpen: () => this.#onOpen(),
      onEvent: (status) => this.#onStatus(status as Status),
      onLost: (failure, retryAtMs) => this.#banner.lost(failure, retryAtMs, this.#status?.state === 'stopping'),
      onLocked: (failure) => void this.#unlock(failure),
    },
  );
  readonly #events = new LiveFeed(
    this.#api,
    { path: 'events', isSteady: false },
    {
      onOpen: () => {},
      onEvent: (event) => this.#onEvent(event as RecordedEvent),
      onLost: () => {},
      onLocked: () => {},
    },
  );
  #status: Status | null = null;
  #isAsking = false;
  #areIncidentsOld = false;
  /** As shown. */
  #openIncidents = 0;
  #gathering: ReturnType<typeof setTimeout> | undefined;

  run(): void {
    document.addEventListener('visibilitychange', () => this.#onVisibility());
    addEventListener('online', () => this.#retry());
    void this.#live.run();
    void this.#events.run();
  }

  #onOpen(): void {
    this.#events.resume();
    this.#askIncidents();
    void this.#askHistory();
  }

  #onStatus(status: Status): void {
    const before = this.#status;
    if (before !== null && before.startedAt !== status.startedAt) {
      this.#history.clear();
      this.#activity.clear();
    }
    this.#status = status;
    this.#history.addApps(status.apps, timeOf(status) / 1000);
    this.#history.addWorkers(status.workers, performance.now());
    // Some end by themselves, without an event.
    if (status.incidents !== this.#openIncidents) this.#askIncidents();
    this.#banner.live();
    this.#draw();
  }

  #onEvent(event: RecordedEvent): void {
    this.#activity.add(event);
    this.#controls.heard(event);
    this.#askIncidents();
  }

  #draw(): void {
    const status = this.#status;
    if (status === null || document.hidden) return;
    const app = this.#picker.draw(status.apps);
    this.#summary.drawInstance(status);
    this.#controls.draw(status, app);
    setAttribute(document.body, 'data-seen', 'yes');
    if (app === null) return;
    this.#summary.drawApp(app, status);
    this.#charts.draw(this.#history.app(app.name));
    const workers = status.workers.filter((worker) => worker.app === app.name);
    this.#workers.draw(workers, this.#history, this.#controls.busy);
    this.#servers.draw(status.servers.filter(({ pool }) => pool === app.name));
    this.#incidents.tick(timeOf(status));
  }

  /** It fills what was missed before the page was there, or while it was not connected. */
  async #askHistory(): Promise<void> {
    try {
      const { apps } = await this.#api.get<{ apps: AppHistory[] }>('history');
      this.#history.seed(apps);
      this.#draw();
    } catch {
      // The charts begin with what comes now.
    }
  }

  /** Soon, and once for all that happens until then. */
  #askIncidents(): void {
    this.#areIncidentsOld = true;
    this.#gathering ??= setTimeout(() => void this.#readIncidents(), GATHER_MS);
  }

  async #readIncidents(): Promise<void> {
    this.#areIncidentsOld = false;
    try {
      const { incidents } = await this.#api.get<{ incidents: Incident[] }>('incidents');
      const open = this.#incidents.show(incidents);
      this.#openIncidents = open;
      setText(byId('page-title'), `${open > 0 ? `(${open}) ` : ''}${this.#status?.name ?? ''} – Evener`);
    } catch {
      // The next event, or the next connection, asks again.
    }
    this.#gathering = undefined;
    // What happened while the answer was on its way is not in it.
    if (this.#areIncidentsOld) this.#askIncidents();
  }

  /** A browser has few connections for each host, and pages in the background are to leave them to others. */
  #onVisibility(): void {
    if (document.hidden) {
      this.#events.pause();
      return;
    }
    this.#retry();
    this.#draw();
  }

  #retry(): void {
    this.#live.retry();
    this.#events.resume();
  }

  async #unlock(failure: ApiFailure | null): Promise<void> {
    if (failure !== null) this.#banner.locked(failure);
    if (this.#isAsking) return;
    this.#isAsking = true;
    const token = await askToken(this.#api.token === null ? 'to-look' : 'wrong');
    this.#isAsking = false;
    if (token === null) return;
    this.#api.setToken(token);
    this.#retry();
  }
}

/** By the clock of the machine that Evener runs on, which need not be the reader's. ms */
function timeOf({ time }: Status): number {
  return Date.parse(time);
}

new Dashboard().run();
