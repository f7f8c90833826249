import { EvenerError } from '../core/evener-error.ts';
import { INCIDENT_KINDS, type IncidentKind, SEVERITIES, type Severity } from '../core/incident.ts';
import { nearestName } from '../core/nearest-name.ts';
import { Secret } from '../core/secret.ts';
import { type Field, field } from './fields.ts';
import type { IncidentFunction } from './options.ts';

/** One receiver of notices, as a user writes it. Texts may be `env:NAME`: then the variable's value. */
export type NotifyEntry = WebhookEntry | SlackEntry | PagerDutyEntry | AlertmanagerEntry;

interface AnyEntry {
  /** Kinds of incidents. Default: all. */
  readonly events?: readonly IncidentKind[];
  /** Default: `warning`. */
  readonly minSeverity?: Severity;
  /** Header fields to send. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WebhookEntry extends AnyEntry {
  readonly type: 'webhook';
  readonly url: string;
  /** Signs what is sent. */
  readonly secret?: string;
}

export interface SlackEntry extends AnyEntry {
  readonly type: 'slack';
  readonly url: string;
}

export interface PagerDutyEntry extends AnyEntry {
  readonly type: 'pagerduty';
  readonly routingKey: string;
  /** Default: `https://events.pagerduty.com/v2/enqueue`. */
  readonly url?: string;
}

export interface AlertmanagerEntry extends AnyEntry {
  readonly type: 'alertmanager';
  readonly url: string;
  /** Added to every alert. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The same, checked, with every default, and with what is secret out of sight. */
export interface NotifyOptions {
  readonly type: NotifyEntry['type'];
  readonly url: Secret;
  /** A webhook's secret, PagerDuty's routing key; else null. */
  readonly key: Secret | null;
  /** Empty = all. */
  readonly events: readonly IncidentKind[];
  readonly minSeverity: Severity;
  readonly headers: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';
const DEFAULT_SEVERITY: Severity = 'warning';

const COMMON_KEYS = ['type', 'url', 'events', 'minSeverity', 'headers'];
const KEYS: Readonly<Record<NotifyEntry['type'], readonly string[]>> = {
  webhook: [...COMMON_KEYS, 'secret'],
  slack: COMMON_KEYS,
  pagerduty: [...COMMON_KEYS, 'routingKey'],
  alertmanager: [...COMMON_KEYS, 'labels'],
};

const TEXTS = { type: 'object', additionalProperties: { type: 'string' } };

const KEY_SCHEMAS: Readonly<Record<string, object>> = {
  url: { type: 'string' },
  secret: { type: 'string' },
  routingKey: { type: 'string' },
  events: { type: 'array', items: { enum: INCIDENT_KINDS } },
  minSeverity: { enum: SEVERITIES, default: DEFAULT_SEVERITY },
  headers: TEXTS,
  labels: TEXTS,
};

/** For editors, and as far as it goes: what is wrong with an entry is said by {@link resolveNotify}, which shows no value. */
export const NOTIFY: Field<unknown> = field(
  'a list of receivers',
  {
    type: 'array',
    items: {
      oneOf: (Object.keys(KEYS) as NotifyEntry['type'][]).map((type) => ({
        type: 'object',
        additionalProperties: false,
        required: ['type', type === 'pagerduty' ? 'routingKey' : 'url'],
        properties: Object.fromEntries(
          KEYS[type].map((key) => [key, key === 'type' ? { const: type } : KEY_SCHEMAS[key]!]),
        ),
      })),
    },
  },
  (value) => value,
);

export const ON_INCIDENT: Field<IncidentFunction | null> = field('a function', { anyOf: [{ not: {} }] }, (value) =>
  typeof value === 'function' ? (value as IncidentFunction) : undefined,
);

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Errors never show a value: an address may be all that is needed to post in somebody's name.
 * @throws EvenerError EVENER_CONFIG_INVALID
 */
export function resolveNotify(value: unknown, env: Environment): readonly NotifyOptions[] {
  if (value === undefined) return [];
  if (!Array.isArray(value))
    throw invalid('notify', "a list, such as [{ type: 'slack', url: 'env:SLACK_URL' }]", value);
  return Object.freeze(value.map((entry: unknown, index) => resolveEntry(entry, `notify[${index}]`, env)));
}

/** What may be seen of it. */
export function shownNotify(value: unknown): unknown {
  if (!Array.isArray(value)) return value === undefined ? null : '[not a list]';
  return value.map((entry: unknown) => {
    const { type, url } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
    if (typeof url !== 'string') return String(type);
    if (url.startsWith('env:')) return `${type} ${url}`;
    return `${type} ${URL.canParse(url) ? new URL(url).host : ''}`.trim();
  });
}

function resolveEntry(entry: unknown, at: string, env: Environment): NotifyOptions {
  const values = objectOf(entry, at, "an object, such as { type: 'slack', url: 'env:SLACK_URL' }");
  const type = wordOf(values.type, `${at}.type`, Object.keys(KEYS) as NotifyEntry['type'][]);
  for (const key of Object.keys(values)) if (!KEYS[type].includes(key)) throw unknown(`${at}.${key}`, key, KEYS[type]);
  const { events = [], minSeverity = DEFAULT_SEVERITY } = values;
  if (!Array.isArray(events)) throw invalid(`${at}.events`, 'a list of kinds of incidents', events);
  const url = type === 'pagerduty' ? (values.url ?? PAGERDUTY_URL) : values.url;
  return Object.freeze({
    type,
    url: urlOf(url, `${at}.url`, env),
    key: keyOf(type, values, at, env),
    events: events.map((kind: unknown, index) => wordOf(kind, `${at}.events[${index}]`, INCIDENT_KINDS)),
    minSeverity: wordOf(minSeverity, `${at}.minSeverity`, SEVERITIES),
    headers: textsOf(values.headers ?? {}, `${at}.headers`, env),
    labels: textsOf(values.labels ?? {}, `${at}.labels`, env),
  });
}

function keyOf(
  type: NotifyEntry['type'],
  values: Record<string, unknown>,
  at: string,
  env: Environment,
): Secret | null {
  if (type === 'pagerduty') return new Secret(textOf(values.routingKey, `${at}.routingKey`, 'a routing key', env));
  if (type !== 'webhook' || values.secret === undefined) return null;
  return new Secret(textOf(values.secret, `${at}.secret`, 'a secret', env));
}

function urlOf(value: unknown, at: string, env: Environment): Secret {
  const expected = 'an address that begins with http:// or https://';
  const text = textOf(value, at, expected, env);
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw invalid(at, expected, text);
  return new Secret(text);
}

function textOf(value: unknown, at: string, expected: string, env: Environment): string {
  if (typeof value !== 'string' || value === '') throw invalid(at, `${expected}, or env:NAME`, value);
  if (!value.startsWith('env:')) return value;
  const name = value.slice(4);
  const found = env[name];
  if (found !== undefined && found !== '') return found;
  const message = `${at}: the environment variable ${name} is not set`;
  throw new EvenerError('EVENER_CONFIG_INVALID', message, { key: at, value, expected });
}

function textsOf(value: unknown, at: string, env: Environment): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(value, at, 'an object of texts'));
  return Object.freeze(
    Object.fromEntries(entries.map(([key, one]) => [key, textOf(one, `${at}.${key}`, 'a text', env)])),
  );
}

function objectOf(value: unknown, at: string, expected: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, expected, value);
  return value as Record<string, unknown>;
}

function wordOf<T extends string>(value: unknown, at: string, words: readonly T[]): T {
  if (words.includes(value as T)) return value as T;
  const near = typeof value === 'string' ? nearestName(value, words) : null;
  throw invalid(at, `one of: ${words.join(', ')}${near === null ? '' : ` (did you mean ${near}?)`}`, value);
}

function unknown(at: string, key: string, known: readonly string[]): EvenerError {
  const near = nearestName(key, known);
  const hint = near === null ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
  return new EvenerError('EVENER_CONFIG_INVALID', `unknown option ${at}: ${hint}`, { key: at });
}

function invalid(key: string, expected: string, value: unknown): EvenerError {
  const got =
    typeof value === 'string'
      ? `a text of ${value.length} characters`
      : Array.isArray(value)
        ? 'a list'
        : `${value === null ? 'null' : typeof value}`;
  return new EvenerError('EVENER_CONFIG_INVALID', `${key}: expected ${expected}, got ${got}`, { key, expected });
}
