/**
 * Load reports of servers: ORCA, "Open Request Cost Aggregation" (cncf/xds, xds/data/orca/v3/orca_load_report.proto), as they
 * travel in HTTP: `endpoint-load-metrics: TEXT key=value,...`, `JSON {...}` or `BIN <base64>`, and
 * `endpoint-load-metrics-bin: <base64>`. Envoy and gRPC read the same.
 */

/** What of a report balancing goes by. -1 = not reported. */
export interface LoadReport {
  /** Fraction of what it has; may exceed 1. */
  readonly cpuUtilization: number;
  readonly memUtilization: number;
  /** What the app itself calls its load. */
  readonly applicationUtilization: number;
  /** Requests a second that it serves, for whomever. */
  readonly rps: number;
  /** Errors a second. */
  readonly eps: number;
  /** The highest of the named utilizations. */
  readonly peakUtilization: number;
  /** Requests in hand, of whomever. ORCA has no field for it: it is the named metric `in_flight`. */
  readonly inFlight: number;
}

/** A report is a handful of numbers; whatever is longer is none. */
const MAX_BYTES = 4096;

type Numbers = { -readonly [key in keyof LoadReport]: number };

/** Where a report tells how many requests a server has in hand: what `Endpoint.reported` is to hear. */
const IN_FLIGHT = 'named_metrics.in_flight';
const IN_FLIGHT_KEY = 'in_flight';

/** Forms in which a report can be asked for, with `endpoint-load-metrics-format`. */
export type LoadFormat = 'text' | 'json' | 'bin';

/** @returns null where it is not asked for, or in no form that there is */
export function loadFormatOf(value: string): LoadFormat | null {
  const format = value.trim().toLowerCase();
  return format === 'text' || format === 'json' || format === 'bin' ? format : null;
}

/**
 * @param text value of `endpoint-load-metrics`; empty = there was none
 * @param binary value of `endpoint-load-metrics-bin`; empty = there was none
 * @returns null for what is no report, which means nothing
 */
export function parseLoadReport(text: string, binary: string): LoadReport | null {
  if (text.length > MAX_BYTES || binary.length > MAX_BYTES) return null;
  if (text === '') return binary === '' ? null : parseBinary(binary);
  if (text.startsWith('{')) return parseJson(text);
  const space = text.indexOf(' ');
  const rest = text.slice(space + 1).trim();
  switch (text.slice(0, space).toUpperCase()) {
    case 'TEXT':
      return parseText(rest);
    case 'JSON':
      return parseJson(rest);
    case 'BIN':
      return parseBinary(rest);
    default:
      return null;
  }
}

/** The number that says how busy a server is, 0 = idle, about 1 = full; -1 where a report has none (gRFC A58). */
export function utilizationOf(report: LoadReport): number {
  if (report.applicationUtilization > 0) return report.applicationUtilization;
  if (report.cpuUtilization >= 0) return report.cpuUtilization;
  return report.peakUtilization;
}

/** A field line, with its CRLF. What is -1 is left out. */
export function loadReportLine(report: LoadReport, format: LoadFormat): string {
  switch (format) {
    case 'text':
      return `endpoint-load-metrics: TEXT ${textOf(report)}\r\n`;
    case 'json':
      return `endpoint-load-metrics: JSON ${JSON.stringify(jsonOf(report))}\r\n`;
    case 'bin':
      return `endpoint-load-metrics-bin: ${binaryOf(report).toString('base64')}\r\n`;
  }
}

function textOf(report: LoadReport): string {
  const pairs = pairsOf(report).map(([name, , value]) => `${name}=${value}`);
  if (report.inFlight >= 0) pairs.push(`${IN_FLIGHT}=${report.inFlight}`);
  return pairs.join(',');
}

function jsonOf(report: LoadReport): object {
  const pairs = Object.fromEntries(pairsOf(report).map(([name, , value]) => [name, value]));
  return report.inFlight < 0 ? pairs : { ...pairs, named_metrics: { [IN_FLIGHT_KEY]: report.inFlight } };
}

/** Name, field number and value of what was reported. */
function pairsOf(report: LoadReport): [string, number, number][] {
  const all: [string, number, number][] = [
    ['cpu_utilization', 1, report.cpuUtilization],
    ['mem_utilization', 2, report.memUtilization],
    ['application_utilization', 9, report.applicationUtilization],
    ['rps_fractional', 6, report.rps],
    ['eps', 7, report.eps],
  ];
  return all.filter(([, , value]) => value >= 0).map(([name, field, value]) => [name, field, Number(value.toFixed(4))]);
}

function nothing(): Numbers {
  const unknown = { cpuUtilization: -1, memUtilization: -1, applicationUtilization: -1, rps: -1, eps: -1 };
  return { ...unknown, peakUtilization: -1, inFlight: -1 };
}

function parseText(text: string): LoadReport | null {
  const report = nothing();
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=');
    if (at === -1) return null;
    const value = pair.slice(at + 1).trim();
    // Number() would take "" for 0.
    if (value === '' || !note(report, pair.slice(0, at).trim(), Number(value))) return null;
  }
  return report;
}

function parseJson(text: string): LoadReport | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const report = nothing();
  for (const [name, one] of Object.entries(value)) {
    const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof one === 'object' && one !== null) {
      for (const [inner, number] of Object.entries(one))
        if (!note(report, `${key}.${inner}`, Number(number))) return null;
    } else if (!note(report, key, Number(one))) {
      return null;
    }
  }
  return report;
}

/** @returns false for a number that is none */
function note(report: Numbers, name: string, value: number): boolean {
  if (!Number.isFinite(value) || value < 0) return false;
  switch (name) {
    case 'cpu_utilization':
    case 'cpu':
      report.cpuUtilization = value;
      break;
    case 'mem_utilization':
    case 'mem':
      report.memUtilization = value;
      break;
    case 'application_utilization':
      report.applicationUtilization = value;
      break;
    case 'rps':
    case 'rps_fractional':
      report.rps = value;
      break;
    case 'eps':
      report.eps = value;
      break;
    case IN_FLIGHT:
      report.inFlight = value;
      break;
    default:
      if (name.startsWith('utilization.')) report.peakUtilization = Math.max(report.peakUtilization, value);
  }
  return true;
}

const DOUBLE_FIELDS: ReadonlyMap<number, string> = new Map([
  [1, 'cpu_utilization'],
  [2, 'mem_utilization'],
  [6, 'rps_fractional'],
  [7, 'eps'],
  [9, 'application_utilization'],
]);
const RPS_FIELD = 3;
const UTILIZATION_FIELD = 5;
const NAMED_METRICS_FIELD = 8;

/** Protocol buffers, as far as this message uses them: doubles, one varint, maps of text to double. */
function parseBinary(base64: string): LoadReport | null {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(base64)) return null;
  const bytes = Buffer.from(base64, 'base64');
  const report = nothing();
  let at = 0;
  while (at < bytes.length) {
    const tag = varint(bytes, at);
    if (tag === null) return null;
    at = tag.end;
    const field = Math.floor(tag.value / 8);
    switch (tag.value % 8) {
      case 0: {
        const number = varint(bytes, at);
        if (number === null) return null;
        at = number.end;
        if (field === RPS_FIELD && report.rps < 0) report.rps = number.value;
        break;
      }
      case 1: {
        if (at + 8 > bytes.length) return null;
        const name = DOUBLE_FIELDS.get(field);
        if (name !== undefined && !note(report, name, bytes.readDoubleLE(at))) return null;
        at += 8;
        break;
      }
      case 2: {
        const length = varint(bytes, at);
        if (length === null || length.end + length.value > bytes.length) return null;
        const end = length.end + length.value;
        const map =
          field === UTILIZATION_FIELD ? 'utilization' : field === NAMED_METRICS_FIELD ? 'named_metrics' : null;
        if (map !== null && !noteEntry(report, map, bytes.subarray(length.end, end))) return null;
        at = end;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        return null;
    }
  }
  return at === bytes.length ? report : null;
}

/** An entry of a map: the key is field 1, the value a double, field 2. A value of 0 may be left out. */
function noteEntry(report: Numbers, map: string, entry: Buffer): boolean {
  let at = 0;
  let value = 0;
  let key = '';
  while (at < entry.length) {
    const tag = entry[at++]!;
    if (tag === 0x0a) {
      const length = varint(entry, at);
      if (length === null) return false;
      at = length.end + length.value;
      key = entry.toString('latin1', length.end, at);
    } else if (tag === 0x11 && at + 8 <= entry.length) {
      value = entry.readDoubleLE(at);
      at += 8;
    } else {
      return false;
    }
  }
  if (at !== entry.length) return false;
  // What an app calls its own may be any number.
  return (map === 'named_metrics' && key !== IN_FLIGHT_KEY) || note(report, `${map}.${key}`, value);
}

/** Up to 2^53. */
function varint(bytes: Buffer, from: number): { value: number; end: number } | null {
  let value = 0;
  let scale = 1;
  for (let at = from; at < bytes.length && at < from + 8; at++) {
    const byte = bytes[at]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return Number.isSafeInteger(value) ? { value, end: at + 1 } : null;
    scale *= 128;
  }
  return null;
}

function binaryOf(report: LoadReport): Buffer {
  const doubles = pairsOf(report)
    .sort(([, a], [, b]) => a - b)
    .map(([, field, value]) => doubleField(field, value));
  if (report.inFlight >= 0) {
    const key = Buffer.from(IN_FLIGHT_KEY);
    const entry = Buffer.concat([Buffer.from([0x0a, key.length]), key, doubleField(2, report.inFlight)]);
    doubles.push(Buffer.concat([Buffer.from([NAMED_METRICS_FIELD * 8 + 2, entry.length]), entry]));
  }
  return Buffer.concat(doubles);
}

function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = field * 8 + 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}
