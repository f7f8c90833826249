import type { Secret } from '../core/secret.ts';
import { postJson } from './http-post.ts';
import { headline, type Notice } from './notice.ts';
import type { Delivery, Notifier } from './notifier.ts';

export interface AlertmanagerSettings {
  /** With or without the path of its API. */
  readonly url: Secret;
  /** Added to every alert. */
  readonly labels: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

type Labels = Readonly<Record<string, string>>;

const PATH = '/api/v2/alerts';
/** It forgets alerts; Prometheus, too, says each minute that they last, and lets them end four minutes after that. */
const REPEAT_MS = 60_000;
const LASTS_MS = 4 * REPEAT_MS;
const MAX_REMEMBERED = 1_000;

/** Prometheus' Alertmanager, API v2. An alert is its labels: where those change, the one of before is ended. */
export class Alertmanager implements Notifier {
  readonly label: string;
  readonly repeatMs: number = REPEAT_MS;
  readonly #settings: AlertmanagerSettings;
  readonly #url: URL;
  /** Labels by incident, as they were last delivered. */
  readonly #labels = new Map<string, Labels>();

  constructor(settings: AlertmanagerSettings) {
    this.#settings = settings;
    this.#url = alertsUrl(settings.url.reveal());
    this.label = `alertmanager ${this.#url.host}`;
  }

  async deliver(notice: Notice, signal: AbortSignal): Promise<Delivery> {
    const { type, incident } = notice;
    const labels = { ...labelsOf(notice), ...this.#settings.labels };
    const before = this.#labels.get(incident.id);
    const isOver = type === 'recovered';
    const endsAt = isOver ? (incident.closedAt ?? isoAfter(0)) : isoAfter(LASTS_MS);
    const startsAt = incident.openedAt;
    const annotations = annotationsOf(notice);
    const alerts: object[] = [{ labels, annotations, startsAt, endsAt }];
    if (before !== undefined && !areEqual(before, labels)) {
      alerts.push({ labels: before, annotations, startsAt, endsAt: isoAfter(0) });
    }
    const body = JSON.stringify(alerts);
    const delivery = await postJson({ url: this.#url, headers: this.#settings.headers, body }, signal);
    if (isOver && delivery.result !== 'failed') this.#labels.delete(incident.id);
    else if (delivery.result === 'delivered') this.#remember(incident.id, labels);
    return delivery;
  }

  #remember(id: string, labels: Labels): void {
    this.#labels.set(id, labels);
    // Of an incident whose end was never delivered nobody will ask.
    if (this.#labels.size > MAX_REMEMBERED) this.#labels.delete([...this.#labels.keys()][0]!);
  }
}

function labelsOf({ incident, sender }: Notice): Labels {
  const { kind, severity, app, worker, dedupKey } = incident;
  return {
    alertname: `Evener${kind.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    severity,
    instance: sender.host,
    evener: sender.name,
    key: dedupKey,
    ...(app === null ? {} : { app }),
    ...(worker === null ? {} : { worker: String(worker) }),
  };
}

function annotationsOf(notice: Notice): Labels {
  const { incident } = notice;
  return {
    summary: headline(notice),
    description: `${incident.cause}; ${incident.decision}`,
    ...(incident.recovery === null ? {} : { recovery: incident.recovery }),
  };
}

function alertsUrl(text: string): URL {
  const url = new URL(text);
  if (!url.pathname.endsWith(PATH)) url.pathname = `${url.pathname.replace(/\/$/, '')}${PATH}`;
  return url;
}

function areEqual(a: Labels, b: Labels): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function isoAfter(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}
