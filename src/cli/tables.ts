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

/** What `evener status` prints. @param columns of the terminal; Infinity where there is none */
export function statusText(status: Status, paint: Paint, columns: number): string {
  const { name, pid, state, uptime, admin, workers, servers, sources, apps } = status;
  const pools = new Set([...servers, ...sources].map(({ pool }) => pool));
  const lines = [
    `${paint.bold(name)}  ${state}, up ${spanText(uptime)}, pid ${pid}${admin === null ? '' : `, admin ${admin}`}`,
    ...apps.flatMap((app) => appLines(app, apps.length > 1, pools.has(app.name))),
    '',
    ...(workers.length === 0 ? [] : workerTable(workers, paint, columns)),
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
function appLines(app: AppStatus, isNamed: boolean, isPool: boolean): string[] {
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
    `${isNamed ? `${app.name}: ` : ''}${app.command}, ${workers.ready} of ${workers.wanted} ${isPool ? 'servers' : 'workers'}, ${where}`,
    `  ${counts.join(', ')}`,
  ];
}

interface WorkerColumn {
  readonly head: string;
  readonly isNumber: boolean;
  readonly rank: number;
  cell(worker: WorkerStatus): string;
}

const WORKER_COLUMNS: readonly WorkerColumn[] = [
  { head: 'ID', isNumber: false, rank: 0, cell: ({ id }) => id },
  { head: 'PID', isNumber: true, rank: 1, cell: pidText },
  { head: 'STATE', isNumber: false, rank: 0, cell: ({ state }) => state },
  { head: 'IN FLIGHT', isNumber: true, rank: 0, cell: ({ inFlight }) => String(inFlight) },
  { head: 'REQUESTS', isNumber: true, rank: 3, cell: ({ requests }) => String(requests) },
  { head: 'MEMORY', isNumber: true, rank: 0, cell: ({ memory }) => sizeText(memory) },
  { head: 'DELAY', isNumber: true, rank: 0, cell: delayText },
  { head: 'BUSY', isNumber: true, rank: 0, cell: busyText },
  { head: 'RESTARTS', isNumber: true, rank: 2, cell: ({ restarts }) => String(restarts) },
  { head: 'UP', isNumber: true, rank: 4, cell: upText },
];

function workerTable(workers: readonly WorkerStatus[], paint: Paint, columns: number): string[] {
  const all = WORKER_COLUMNS.map((column) => {
    const cells = workers.map((worker) => column.cell(worker));
    return { ...column, cells, width: Math.max(column.head.length, ...cells.map((cell) => cell.length)) };
  });
  const shown = fitting(all, columns);
  const rows = workers.map((_, row) => shown.map(({ cells }) => cells[row]!));
  const numbers = new Set(shown.flatMap(({ isNumber }, at) => (isNumber ? [at] : [])));
  return table(
    shown.map(({ head }) => head),
    rows,
    numbers,
    paint,
    (text, row, column) => (shown[column]!.head === 'STATE' ? stateColour(workers[row]!.state, paint)(text) : text),
  );
}

/** Where there is no room for all columns, those of the highest rank go first. Those of rank 0 stay. */
export function fitting<T extends { readonly width: number; readonly rank: number }>(
  all: readonly T[],
  columns: number,
): T[] {
  const shown = [...all];
  const widthOf = (list: readonly T[]): number => list.reduce((sum, { width }) => sum + width + 2, 0);
  while (widthOf(shown) > columns && shown.some(({ rank }) => rank > 0)) {
    const least = shown.reduce((a, b) => (b.rank > a.rank ? b : a));
    shown.splice(shown.indexOf(least), 1);
  }
  return shown;
}

function sourceTable(sources: readonly SourceStatus[], paint: Paint): string[] {
  const nowMs = Date.now();
  const rows = sources.map(({ source, pool, servers, updatedAt, error }) => {
    const age = updatedAt === null ? 'never' : `${spanText(Math.max(0, nowMs - Date.parse(updatedAt)) / 1000)} ago`;
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

export function pidText({ pid }: WorkerStatus): string {
  return pid === null ? '-' : String(pid);
}

export function delayText({ pid, eventLoop }: WorkerStatus): string {
  return pid === null ? '-' : latencyText(eventLoop.delayMs);
}

export function busyText({ pid, eventLoop }: WorkerStatus): string {
  return pid === null ? '-' : `${Math.round(eventLoop.utilization * 100)} %`;
}

export function upText({ pid, uptime }: WorkerStatus): string {
  return pid === null ? '-' : spanText(uptime);
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

/** As clock and calendar show it here; of today without the day. */
export function clockText(iso: string, now: Date = new Date()): string {
  const at = new Date(iso);
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())} `;
  return `${at.toDateString() === now.toDateString() ? '' : day}${at.toTimeString().slice(0, 8)}`;
}

function same(text: string): string {
  return text;
}
