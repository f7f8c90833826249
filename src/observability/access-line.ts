import { factsOf, type Outcome } from '../core/outcome.ts';
import { UNKNOWN_METHOD } from '../http1/methods.ts';
import type { ExchangeFacts } from './pool-meter.ts';

/** What a line tells of an exchange, beside what is counted of it. */
export interface LoggedExchange extends ExchangeFacts {
  readonly methodName: string;
  /** Head in latin1; empty where there was none. */
  readonly lines: string;
  readonly targetOffset: number;
  readonly targetLength: number;
  readonly minorVersion: number;
  /** When the head of the response came; 0 = it has not. Monotonic ms. */
  readonly respondedAtMs: number;
  readonly retries: number;
  readonly moves: number;
  /** Who had it last. */
  readonly endpoint: { readonly identity: string } | null;
  readonly client: { readonly peer: { readonly remoteAddress: string | undefined } };
}

/** A request that was refused at the door: nothing is known of it but who sent it. */
export function refusedExchange(
  client: LoggedExchange['client'],
  outcome: Outcome,
  status: number,
  nowMs: number,
): LoggedExchange {
  const times = { startedAtMs: nowMs, openedAtMs: 0, respondedAtMs: 0 };
  const none = { lines: '', targetOffset: 0, targetLength: 0, minorVersion: 1, retries: 0, moves: 0, endpoint: null };
  return {
    client,
    outcome,
    status,
    method: UNKNOWN_METHOD,
    methodName: '-',
    bytesIn: 0,
    bytesOut: 0,
    ...times,
    ...none,
  };
}

/** One exchange that is over. */
export interface LogRecord {
  readonly pool: string;
  readonly exchange: LoggedExchange;
  readonly address: string | undefined;
  /** Monotonic ms. */
  readonly finishedAtMs: number;
}

export interface LineSettings {
  readonly format: 'json' | 'combined';
  /** Whether targets are logged with their query. */
  readonly hasQuery: boolean;
  /** Lower case; null = ids are made up. */
  readonly requestIdHeader: string | null;
}

/**
 * A line with its end.
 * @param epochMs wall clock at 0 of the monotonic one
 * @param madeId id for a request that brought none
 */
export function lineOf(record: LogRecord, settings: LineSettings, epochMs: number, madeId: string): string {
  const { exchange } = record;
  const { startedAtMs, openedAtMs, respondedAtMs } = exchange;
  const queueMs = (openedAtMs === 0 ? record.finishedAtMs : openedAtMs) - startedAtMs;
  const facts: LineFacts = {
    id: (settings.requestIdHeader === null ? '' : fieldIn(exchange.lines, settings.requestIdHeader)) || madeId,
    method: exchange.methodName === 'UNKNOWN' ? '-' : exchange.methodName,
    target: targetOf(exchange, settings.hasQuery),
    protocol: exchange.lines === '' ? '-' : `HTTP/1.${exchange.minorVersion}`,
    worker: exchange.endpoint?.identity ?? '-',
    queueMs: rounded(queueMs),
    firstByteMs: respondedAtMs === 0 ? null : rounded(respondedAtMs - startedAtMs),
    totalMs: rounded(record.finishedAtMs - startedAtMs),
    atMs: epochMs + startedAtMs,
  };
  return settings.format === 'json' ? jsonLine(record, facts) : combinedLine(record, facts);
}

/** What is worked out for a line. */
interface LineFacts {
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly protocol: string;
  readonly worker: string;
  readonly queueMs: number;
  readonly firstByteMs: number | null;
  readonly totalMs: number;
  readonly atMs: number;
}

function jsonLine({ pool, exchange, address }: LogRecord, facts: LineFacts): string {
  const { code, flag } = factsOf(exchange.outcome);
  return `${JSON.stringify({
    time: new Date(facts.atMs).toISOString(),
    id: facts.id,
    client: address ?? null,
    app: pool,
    worker: facts.worker,
    method: facts.method,
    target: facts.target,
    protocol: facts.protocol,
    status: exchange.status,
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    queueMs: facts.queueMs,
    firstByteMs: facts.firstByteMs,
    totalMs: facts.totalMs,
    retries: exchange.retries,
    moves: exchange.moves,
    outcome: code,
    flag,
  })}\n`;
}

/** The format that Apache calls combined, which every log reader knows; what else there is to say follows behind it. */
function combinedLine({ pool, exchange, address }: LogRecord, facts: LineFacts): string {
  const { method, target, protocol } = facts;
  const request = method === '-' ? '-' : `${method} ${target} ${protocol}`;
  const referer = fieldIn(exchange.lines, 'referer') || '-';
  const agent = fieldIn(exchange.lines, 'user-agent') || '-';
  const { retries, moves } = exchange;
  const first = facts.firstByteMs === null ? '-' : facts.firstByteMs.toFixed(1);
  const ours = [
    `id=${quotable(facts.id)}`,
    `app=${pool}`,
    `worker=${facts.worker}`,
    `queue=${facts.queueMs.toFixed(1)}`,
    `first=${first}`,
    `total=${facts.totalMs.toFixed(1)}`,
    `in=${exchange.bytesIn}`,
    `retries=${retries}`,
    `moves=${moves}`,
    `end=${factsOf(exchange.outcome).flag}`,
  ];
  const quoted = `"${quotable(request)}" ${exchange.status} ${exchange.bytesOut} "${quotable(referer)}" "${quotable(agent)}"`;
  return `${address ?? '-'} - - [${commonTime(facts.atMs)}] ${quoted} ${ours.join(' ')}\n`;
}

function targetOf({ lines, targetOffset, targetLength }: LoggedExchange, hasQuery: boolean): string {
  if (targetLength === 0) return '-';
  const target = lines.slice(targetOffset, targetOffset + targetLength);
  const query = hasQuery ? -1 : target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** Longest value of a field that is logged. */
const MAX_VALUE_LENGTH = 512;

/** Value of the first field of that name in a head; empty when there is none. @param name lower case */
function fieldIn(lines: string, name: string): string {
  let at = lines.indexOf('\r\n') + 2;
  while (at > 1 && at < lines.length) {
    const end = lines.indexOf('\r\n', at);
    const colon = at + name.length;
    if (lines[colon] === ':' && lines.slice(at, colon).toLowerCase() === name) {
      return lines
        .slice(colon + 1, end === -1 ? lines.length : end)
        .trim()
        .slice(0, MAX_VALUE_LENGTH);
    }
    at = end + 2;
  }
  return '';
}

/** As Apache does it: a client cannot end the line, or the quotes, by what it sends. */
function quotable(text: string): string {
  return /[^\x20\x21\x23-\x5b\x5d-\x7e]/.test(text)
    ? text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
    : text;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `24/Nov/2026:06:36:10 +0000` */
function commonTime(atMs: number): string {
  const iso = new Date(atMs).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}

/** To a hundredth of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
