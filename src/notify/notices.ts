import { hostname } from 'node:os';
import type { NotifyOptions } from '../config/notify.ts';
import type { IncidentFunction } from '../config/options.ts';
import type { Incident, IncidentChange } from '../core/incident.ts';
import type { IncidentRing } from '../observability/incident-ring.ts';
import { Alertmanager } from './alertmanager.ts';
import { IncidentHook } from './incident-hook.ts';
import type { Sender } from './notice.ts';
import type { Notifier } from './notifier.ts';
import { Outbox } from './outbox.ts';
import { PagerDuty } from './pagerduty.ts';
import { Receiver } from './receiver.ts';
import { Slack } from './slack.ts';
import { Webhook } from './webhook.ts';

/** What is told of notifiers themselves. */
export interface NoticesHost {
  /** It does not get its notices. Once, until it gets them again. */
  notifierFailed(label: string, reason: string, isRetried: boolean): void;
  /** @param lost notices that it never got since it last did */
  notifierRecovered(label: string, lost: number): void;
}

export interface NoticesSettings {
  readonly notify: readonly NotifyOptions[];
  readonly onIncident: IncidentFunction | null;
}

/** How long the last notices may hold up the end. */
export const FLUSH_LIMIT_MS = 2_000;

/** Passes incidents on to all who want to hear of them. Nothing waits for it, but for a moment the end. */
export class Notices {
  readonly #sender: Sender;
  readonly #host: NoticesHost;
  readonly #unsubscribe: () => void;
  /** By what they were made from. */
  #receivers = new Map<string, Receiver>();
  #hook: IncidentHook | null = null;

  constructor(ring: IncidentRing, name: string, settings: NoticesSettings, host: NoticesHost) {
    this.#sender = { name, host: hostname() };
    this.#host = host;
    this.configure(settings);
    this.#unsubscribe = ring.subscribe((incident, change) => this.#hear(incident, change));
  }

  /** The options have been read again. Receivers that stay keep what they have heard and what they are still to get. */
  configure({ notify, onIncident }: NoticesSettings): void {
    const before = this.#receivers;
    this.#receivers = new Map(
      notify.map((options) => {
        const key = identityOf(options);
        return [key, before.get(key) ?? this.#receiverFor(options)];
      }),
    );
    for (const [key, receiver] of before) {
      if (this.#receivers.has(key)) continue;
      receiver.close();
      receiver.outbox.close();
    }
    this.#hook =
      onIncident === null
        ? null
        : new IncidentHook(onIncident, (reason) => this.#host.notifierFailed('onIncident', reason, false));
  }

  /** Lets the last notices go out. Resolves after {@link FLUSH_LIMIT_MS} at most. */
  async close(limitMs: number = FLUSH_LIMIT_MS): Promise<void> {
    this.#unsubscribe();
    const receivers = [...this.#receivers.values()];
    for (const receiver of receivers) receiver.sayRest();
    await Promise.all([...receivers.map(({ outbox }) => outbox.flush(limitMs)), this.#hookDone(limitMs)]);
  }

  #hear(incident: Incident, change: IncidentChange): void {
    for (const receiver of this.#receivers.values()) receiver.hear(incident, change);
    this.#hook?.hear(incident, change);
  }

  #receiverFor(options: NotifyOptions): Receiver {
    const outbox = new Outbox(notifierFor(options), {
      troubled: ({ label }, reason, isRetried) => this.#host.notifierFailed(label, reason, isRetried),
      recovered: ({ label }, lost) => this.#host.notifierRecovered(label, lost),
    });
    const { events, minSeverity } = options;
    return new Receiver(outbox, { events, minSeverity }, this.#sender);
  }

  async #hookDone(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    while ((this.#hook?.underWay ?? 0) > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function notifierFor({ type, url, key, headers, labels }: NotifyOptions): Notifier {
  switch (type) {
    case 'webhook':
      return new Webhook({ url, secret: key, headers });
    case 'slack':
      return new Slack({ url, headers });
    case 'pagerduty':
      return new PagerDuty({ url, routingKey: key!, headers });
    case 'alertmanager':
      return new Alertmanager({ url, labels, headers });
  }
}

function identityOf({ url, key, ...rest }: NotifyOptions): string {
  return JSON.stringify([url.reveal(), key?.reveal() ?? null, rest]);
}
