import type { Severity } from '../core/incident.ts';
import type { Secret } from '../core/secret.ts';
import { postJson } from './http-post.ts';
import { headline, lastedText, type Notice, shortened } from './notice.ts';
import type { Delivery, Notifier } from './notifier.ts';

export interface SlackSettings {
  readonly url: Secret;
  readonly headers: Readonly<Record<string, string>>;
}

/** Slack cuts a message at 40,000 characters, and shows far fewer of an attachment before "show more". */
const MAX_TEXT = 3_000;

const COLOURS: Readonly<Record<Severity, string>> = {
  info: '#439fe0',
  warning: '#daa038',
  error: '#d00000',
  critical: '#8b0000',
};
const RECOVERED = '#2eb886';

/** Posts to an incoming webhook of Slack, and of what is compatible: Mattermost, Rocket.Chat, Discord's `/slack`. */
export class Slack implements Notifier {
  readonly label: string;
  readonly repeatMs: null = null;
  readonly #settings: SlackSettings;
  readonly #url: URL;

  constructor(settings: SlackSettings) {
    this.#settings = settings;
    this.#url = new URL(settings.url.reveal());
    this.label = `slack ${this.#url.host}`;
  }

  deliver(notice: Notice, signal: AbortSignal): Promise<Delivery> {
    return postJson({ url: this.#url, headers: this.#settings.headers, body: bodyOf(notice) }, signal);
  }
}

function bodyOf(notice: Notice): string {
  const { type, incident, sender } = notice;
  const isOver = type === 'recovered';
  const text = shortened(escaped(headline(notice)), MAX_TEXT);
  const fields = [
    { title: 'Severity', value: incident.severity, short: true },
    { title: isOver ? 'Lasted' : 'Since', value: isOver ? lastedText(incident) : incident.openedAt, short: true },
    { title: isOver ? 'Cause' : 'Decision', value: escaped(isOver ? incident.cause : incident.decision), short: false },
  ];
  const color = isOver ? RECOVERED : COLOURS[incident.severity];
  const footer = escaped(`evener ${sender.name} on ${sender.host}, incident ${incident.id}`);
  const shown = fields.map((field) => ({ ...field, value: shortened(field.value, MAX_TEXT) }));
  return JSON.stringify({ text, attachments: [{ fallback: text, color, fields: shown, footer }] });
}

/** The three characters that mean something to Slack: `<!channel>` in an app's error is not to wake everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
