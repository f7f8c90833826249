import type { AppStatus, ServerStatus, SourceStatus, Status, WorkerStatus } from '../control/control-target.ts';

/** Colours of a terminal; all of them nothing where there is none. */
export interface Paint {
  dim(text: string): string;
  bold(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
}

export const PLAIN: Paint = { dim: same, bold: same, green: same, yellow: same, red: same };

const COLOURED: Paint = {
  dim: (text) => `\x1b[2m${text}\x1b[22m`,
  bold: (text) => `\x1b[1m${text}\x1b[22m`,
  green: (text) => `\x1b[32m${text}\x1b[39m`,
  yellow: (text) => `\x1b[33m${text}\x1b[39m`,
  red: (text) => `\x1b[31m${text}\x1b[39m`,
};

/** Colours on a terminal, unless NO_COLOR is set. */
export function paintFor(stream: { readonly isTTY?: boolean }): Paint {
  return stream.isTTY === true && (process.env.NO_COLOR ?? '') === '' ? COLOURED : PLAIN;
}

/** Columns under heads, two blanks between them. @param right columns that end at the same place: numbers */
export function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number>,
  paint: Paint,
  colour: (text: string, row: number, column: number) => string = same,
): string[] {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)));
  const fit = (text: string, column: number): string =>
    right.has(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  const head = paint.dim(heads.map(fit).join('  ').trimEnd());
  return [
    head,
    ...rows.map((row, at) =>
      row
        .map((cell, i) => colour(fit(cell, i), at, i))
        .join('  ')
        .trimEnd(),
    ),
  ];
}

/** What `evener status` prints. */
export function statusText(status: Status, paint: Paint): string {
  const { name, pid, state, uptime, admin, workers, servers, sources, apps } = status;
  const lines = [
    `${paint.bold(name)}  ${state}, up ${spanText(uptime)}, pid ${pid}${admin === null ? '' : `, admin ${admin}`}`,
    ...apps.flatMap((app) => appLines(app, apps.length > 1)),
    '',
    ...(workers.length === 0 ? [] : workerTable(workers, paint)),
    ...(servers.length === 0 ? [] : serverTable(servers, paint)),
    ...(sources.length === 0 ? [] : ['', ...sourceTable(sources, paint)]),
  ];
  for (const { app, slot, pid, share, leftMs } of status.canaries) {
    const time = leftMs === null ? 'once it is ready' : `for ${spanText(leftMs / 1000)} more`;
    lines.push(
      '',
      `worker ${slot}${apps.length > 1 ? ` of ${app}` : ''}, pid ${pid}, is tried out: ${Math.round(share * 1000) / 10} % of the requests, ${time}`,
    );
  }
  if (status.incidents > 0)
    lines.push(
      '',
      `${status.incidents} ${status.incidents === 1 ? 'incident lasts' : 'incidents last'}: evener events`,
    );
  return `${lines.join('\n')}\n`;
}

/** @param isNamed whether there are several */
export function appLines(app: AppStatus, isNamed: boolean): string[] {
  const { recent, workers } = app;
  const where = app.addresses.length === 0 ? 'not listening' : app.addresses.join(', ');
  const counts = [
    `${rateText(recent.requestsPerSecond)} req/s`,
    `p50 ${latencyText(recent.p50Ms)}`,
    `p99 ${latencyText(recent.p99Ms)}`,
    `${app.inFlight} in flight`,
    `${app.queued} queued`,
    `${app.requests} requests`,
    `${app.retried} retried, ${app.moved} moved, ${app.shed} shed`,
  ];
  return [
    `${isNamed ? `${app.name}: ` : ''}${app.command}, ${workers.ready} of ${workers.wanted} workers, ${where}`,
    `  ${counts.join(', ')}`,
  ];
}

const WORKER_HEADS = ['ID', 'PID', 'STATE', 'IN FLIGHT', 'REQUESTS', 'MEMORY', 'DELAY', 'BUSY', 'RESTARTS', 'UP'];
const WORKER_NUMBERS: ReadonlySet<number> = new Set([1, 3, 4, 5, 6, 7, 8, 9]);

export function workerTable(workers: readonly WorkerStatus[], paint: Paint): string[] {
  return table(WORKER_HEADS, workers.map(workerCells), WORKER_NUMBERS, paint, (text, row, column) =>
    column === 2 ? stateColour(workers[row]!.state, paint)(text) : text,
  );
}

function sourceTable(sources: readonly SourceStatus[], paint: Paint): string[] {
  const nowMs = Date.now();
  const rows = sources.map(({ source, pool, servers, updatedAt, error }) => {
    const age = updatedAt === null ? 'never' : `${spanText((nowMs - Date.parse(updatedAt)) / 1000)} ago`;
    return [source, pool, String(servers), age, error];
  });
  return table(['SOURCE', 'POOL', 'SERVERS', 'SAID', ''], rows, new Set([2]), paint, (text, _row, column) =>
    column === 4 ? paint.red(text) : text,
  );
}

function serverTable(servers: readonly ServerStatus[], paint: Paint): string[] {
  const rows = servers.map(({ server, pool, state, reason }) => [server, pool, state, reason]);
  return table(['SERVER', 'POOL', 'STATE', ''], rows, new Set(), paint, (text, row, column) =>
    column === 2 ? (servers[row]!.state === 'up' ? paint.green : paint.red)(text) : text,
  );
}

function workerCells(worker: WorkerStatus): string[] {
  const { id, pid, state, inFlight, requests, memory, eventLoop, restarts, uptime } = worker;
  return [
    id,
    pid === null ? '-' : String(pid),
    state,
    String(inFlight),
    String(requests),
    sizeText(memory),
    latencyText(eventLoop.delayMs),
    `${Math.round(eventLoop.utilization * 100)} %`,
    String(restarts),
    pid === null ? '-' : spanText(uptime),
  ];
}

/** Of the word for it. */
export function stateColour(state: WorkerStatus['state'], paint: Paint): (text: string) => string {
  if (state === 'ready') return paint.green;
  return state === 'stalled' || state === 'ejected' || state === 'waiting' ? paint.red : paint.yellow;
}

/** 51380224 -> '51 MB'. */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return '-';
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

/** 0.42 -> '0.42 ms', 1234 -> '1.2 s'. */
export function latencyText(ms: number | null): string {
  if (ms === null) return '-';
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(ms >= 1 ? 1 : 2)} ms`;
}

export function rateText(perSecond: number): string {
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

/** Seconds -> '5 s', '3 min', '2 h 5 min', '3 d 4 h'. */
export function spanText(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function same(text: string): string {
  return text;
}
