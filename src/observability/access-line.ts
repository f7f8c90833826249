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
  /** Of the client. */
  readonly address: string | undefined;
}

/** Who sent a request. */
export interface LoggedClient {
  readonly peer: { readonly remoteAddress: string | undefined };
}

/** A request that was refused at the door: nothing is known of it but who sent it. */
export function refusedExchange(client: LoggedClient, outcome: Outcome, status: number, nowMs: number): LoggedExchange {
  const times = { startedAtMs: nowMs, openedAtMs: 0, respondedAtMs: 0 };
  const none = { lines: '', targetOffset: 0, targetLength: 0, minorVersion: 1, retries: 0, moves: 0, endpoint: null };
  return {
    address: client.peer.remoteAddress,
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
    queueMs: queueMs,
    firstByteMs: respondedAtMs === 0 ? null : respondedAtMs - startedAtMs,
    totalMs: record.finishedAtMs - startedAtMs,
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

/** By hand: a third of what JSON.stringify takes for it (`bench/micro/metrics.ts`). */
function jsonLine({ pool, exchange, address }: LogRecord, facts: LineFacts): string {
  const { code, flag } = factsOf(exchange.outcome);
  const { status, bytesIn, bytesOut, retries, moves } = exchange;
  const client = address === undefined ? 'null' : quoted(address);
  const first = facts.firstByteMs === null ? 'null' : millisText(facts.firstByteMs);
  return (
    `{"time":"${isoTime(facts.atMs)}","id":${quoted(facts.id)},"client":${client},"app":${quoted(pool)},` +
    `"worker":${quoted(facts.worker)},"method":"${facts.method}","target":${quoted(facts.target)},` +
    `"protocol":"${facts.protocol}","status":${status},"bytesIn":${bytesIn},"bytesOut":${bytesOut},` +
    `"queueMs":${millisText(facts.queueMs)},"firstByteMs":${first},"totalMs":${millisText(facts.totalMs)},` +
    `"retries":${retries},"moves":${moves},"outcome":"${code}","flag":"${flag}"}\n`
  );
}

/** A text as JSON has it. */
function quoted(text: string): string {
  return IS_PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** The format that Apache calls combined, which every log reader knows; what else there is to say follows behind it. */
function combinedLine({ pool, exchange, address }: LogRecord, facts: LineFacts): string {
  const { method, target, protocol } = facts;
  const request = method === '-' ? '-' : `${method} ${target} ${protocol}`;
  const referer = fieldIn(exchange.lines, 'referer') || '-';
  const agent = fieldIn(exchange.lines, 'user-agent') || '-';
  const { retries, moves } = exchange;
  const first = facts.firstByteMs === null ? '-' : millisText(facts.firstByteMs);
  const ours =
    // Without quotes: a blank would be the end of it, and what follows another field.
    `id=${quotable(facts.id).replaceAll(' ', '\\x20')}` +
    ` app=${pool}` +
    ` worker=${facts.worker}` +
    ` queue=${millisText(facts.queueMs)}` +
    ` first=${first}` +
    ` total=${millisText(facts.totalMs)}` +
    ` in=${exchange.bytesIn}` +
    ` retries=${retries}` +
    ` moves=${moves}` +
    ` end=${factsOf(exchange.outcome).flag}`;
  const told = `"${quotable(request)}" ${exchange.status} ${exchange.bytesOut} "${quotable(referer)}" "${quotable(agent)}"`;
  return `${address ?? '-'} - - [${commonTime(facts.atMs)}] ${told} ${ours}\n`;
}

function targetOf({ lines, targetOffset, targetLength }: LoggedExchange, hasQuery: boolean): string {
  if (targetLength === 0) return '-';
  const target = lines.slice(targetOffset, targetOffset + targetLength);
  const query = hasQuery ? -1 : target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

/** Printable, and neither a quote nor a backslash. */
const IS_PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

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
  if (IS_PLAIN.test(text)) return text;
  return text.replace(
    /[^\x20\x21\x23-\x5b\x5d-\x7e]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Lines of one second share what is the same in them. */
const SECOND = { at: Number.NaN, iso: '', common: '' };

function second(atMs: number): typeof SECOND {
  const at = Math.floor(atMs / 1000);
  if (at !== SECOND.at) {
    const iso = new Date(at * 1000).toISOString();
    SECOND.at = at;
    SECOND.iso = iso.slice(0, 20);
    const month = MONTHS[Number(iso.slice(5, 7)) - 1];
    SECOND.common = `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  }
  return SECOND;
}

/** `2026-11-24T06:36:10.123Z` */
function isoTime(atMs: number): string {
  const { at, iso } = second(atMs);
  return `${iso}${String(Math.floor(atMs) - at * 1000).padStart(3, '0')}Z`;
}

/** `24/Nov/2026:06:36:10 +0000` */
function commonTime(atMs: number): string {
  return second(atMs).common;
}

const HUNDREDTHS: readonly string[] = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0'));

/** To a hundredth of a millisecond. Whole numbers become text many times as fast as fractions do. */
function millisText(ms: number): string {
  const hundredths = Math.max(0, Math.round(ms * 100));
  return `${Math.floor(hundredths / 100)}.${HUNDREDTHS[hundredths % 100]}`;
}
