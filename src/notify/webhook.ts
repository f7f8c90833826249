import { createHmac } from 'node:crypto';
import type { Secret } from '../core/secret.ts';
import { postJson } from './http-post.ts';
import type { Notice } from './notice.ts';
import type { Delivery, Notifier } from './notifier.ts';

/** Raised when a field changes its meaning; fields that are added do not raise it. */
const BODY_VERSION = 1;

export interface WebhookSettings {
  readonly url: Secret;
  /** Signs what is sent; null = unsigned. */
  readonly secret: Secret | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Posts notices as JSON. Signed anew with each try, so that the receiver may refuse what is old. */
export class Webhook implements Notifier {
  readonly label: string;
  readonly repeatMs: null = null;
  readonly #settings: WebhookSettings;
  readonly #url: URL;

  constructor(settings: WebhookSettings) {
    this.#settings = settings;
    this.#url = new URL(settings.url.reveal());
    this.label = `webhook ${this.#url.host}`;
  }

  deliver({ type, incident, sender }: Notice, signal: AbortSignal): Promise<Delivery> {
    const body = JSON.stringify({ version: BODY_VERSION, event: type, sender, incident });
    const { secret } = this.#settings;
    const timestamp = Math.floor(Date.now() / 1000).toString();
    const headers = {
      ...this.#settings.headers,
      'x-evener-event': type,
      'x-evener-timestamp': timestamp,
      ...(secret === null ? {} : { 'x-evener-signature': `sha256=${signatureOf(secret, timestamp, body)}` }),
    };
    return postJson({ url: this.#url, headers, body }, signal);
  }
}

function signatureOf(secret: Secret, timestamp: string, body: string): string {
  return createHmac('sha256', secret.reveal()).update(`${timestamp}.${body}`).digest('hex');
}
