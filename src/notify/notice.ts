import { durationText } from '../core/duration-text.ts';
import type { Incident, IncidentKind } from '../core/incident.ts';

/** Who sends. */
export interface Sender {
  /** Of the instance. */
  readonly name: string;
  readonly host: string;
}

/** Beside the kinds of incidents: the summary of more of them than somebody wants to be told one by one. */
export type NoticeKind = IncidentKind | 'many-incidents';

export type NoticedIncident = Omit<Incident, 'kind'> & { readonly kind: NoticeKind };

/** What a notifier is to pass on. */
export interface Notice {
  /** updated: it has become graver. repeated: it still lasts, for receivers that forget. */
  readonly type: 'opened' | 'updated' | 'recovered' | 'repeated';
  readonly incident: NoticedIncident;
  readonly sender: Sender;
}

/** `shop on web-1: worker 1 died: exit code 1`. One line. */
export function headline({ type, incident, sender }: Notice): string {
  const where = `${sender.name} on ${sender.host}`;
  const what = `${subject(incident)} ${VERBS[incident.kind]}`;
  if (type === 'recovered') return oneLine(`${where}: over: ${what}: ${incident.recovery ?? 'it is over'}`);
  const often = incident.count > 1 ? ` (${incident.count} times)` : '';
  return oneLine(`${where}: ${what}: ${incident.cause}${often}`);
}

/** From its opening to its end, or to what it has changed last. */
export function lastedText({ openedAt, closedAt, updatedAt }: NoticedIncident): string {
  return durationText(Date.parse(closedAt ?? updatedAt) - Date.parse(openedAt));
}

/** At most so many characters, with a mark where something is left out. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

const VERBS: Readonly<Record<NoticeKind, string>> = {
  'worker-stalled': 'is stalled',
  'worker-hung': 'hangs',
  'worker-died': 'died',
  'worker-boot-failed': 'did not come up',
  'worker-too-large': 'is too large',
  'crash-loop': 'is in a crash loop',
  'server-down': 'has lost a server',
  'endpoint-ejected': 'fails requests',
  'discovery-failed': 'cannot look for its servers',
  'registration-failed': 'cannot make itself known',
  shedding: 'refuses requests',
  'connections-limited': 'has too many connections',
  'request-quarantined': 'keeps a request from its workers',
  'balancer-died': 'lost a balancer thread',
  'port-lost': 'has lost a port',
  'reload-failed': 'could not be reloaded',
  'gave-up': 'gave up',
  'many-incidents': 'has more incidents than are told one by one',
};

function subject({ app, worker }: NoticedIncident): string {
  if (worker !== null) return `worker ${worker}${app === null ? '' : ` of ${app}`}`;
  return app ?? 'Evener';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
