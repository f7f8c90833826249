import { createHash } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import { postJson } from './http-post.ts';
import { headline, type Notice, shortened } from './notice.ts';
import type { Delivery, Notifier } from './notifier.ts';

export interface PagerDutySettings {
  readonly routingKey: Secret;
  readonly url: Secret;
  readonly headers: Readonly<Record<string, string>>;
}

/** Limits of the Events API v2. */
const MAX_SUMMARY = 1024;
const MAX_DEDUP_KEY = 255;
/** The whole event may have 512 KB; more than this of evidence helps nobody at night. */
const MAX_DETAILS = 32 * 1024;

/** PagerDuty, Events API v2: an incident triggers an alert, one that becomes graver changes it, its end resolves it. */
export class PagerDuty implements Notifier {
  readonly label: string;
  readonly repeatMs: null = null;
  readonly #settings: PagerDutySettings;
  readonly #url: URL;

  constructor(settings: PagerDutySettings) {
    this.#settings = settings;
    this.#url = new URL(settings.url.reveal());
    this.label = `pagerduty ${this.#url.host}`;
  }

  deliver(notice: Notice, signal: AbortSignal): Promise<Delivery> {
    const body = JSON.stringify({
      routing_key: this.#settings.routingKey.reveal(),
      dedup_key: dedupKey(notice),
      ...(notice.type === 'recovered' ? { event_action: 'resolve' } : triggerOf(notice)),
    });
    return postJson({ url: this.#url, headers: this.#settings.headers, body }, signal);
  }
}

function triggerOf(notice: Notice): object {
  const { incident, sender } = notice;
  return {
    event_action: 'trigger',
    client: `evener ${sender.name}`,
    payload: {
      summary: shortened(headline(notice), MAX_SUMMARY),
      source: sender.host,
      // Its four are ours.
      severity: incident.severity,
      timestamp: incident.openedAt,
      component: incident.app ?? sender.name,
      group: sender.name,
      class: incident.kind,
      custom_details: detailsOf(notice),
    },
  };
}

function detailsOf({ incident }: Notice): object {
  const { id, cause, decision, count, worker, evidence } = incident;
  const fits = JSON.stringify(evidence).length <= MAX_DETAILS;
  return { id, cause: shortened(cause, MAX_DETAILS), decision, count, worker, ...(fits ? { evidence } : {}) };
}

/**
 * Not the incident's id: an alert that was left open by an Evener that was killed is the same one as that of the next
 * Evener, and is resolved with it.
 */
function dedupKey({ incident, sender }: Notice): string {
  const key = `evener/${sender.host}/${sender.name}/${incident.dedupKey}`;
  if (key.length <= MAX_DEDUP_KEY) return key;
  const hash = createHash('sha256').update(key).digest('hex');
  return `${key.slice(0, MAX_DEDUP_KEY - hash.length - 1)}/${hash}`;
}
