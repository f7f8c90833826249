import type { AppStatus, Status, WorkerStatus } from '../../control/control-target.ts';
import type { Incident } from '../../core/incident.ts';
import {
  busyText,
  delayText,
  fitting,
  latencyText,
  type Paint,
  pidText,
  rateText,
  sizeText,
  spanText,
  stateColour,
  upText,
} from '../tables.ts';

/** What is to be seen. */
export interface View {
  readonly status: Status;
  /** Newest first. */
  readonly incidents: readonly Incident[];
  /** By worker's id and process: requests per second since the status before. */
  readonly rates: ReadonlyMap<string, number>;
  /** Index among the workers. */
  readonly selected: number;
  /** What became of the last key; empty = nothing to say. */
  readonly message: string;
  /** Shown instead of the workers: help, or the answer to why. */
  readonly page: readonly string[] | null;
}

interface Column {
  readonly head: string;
  readonly isNumber: boolean;
  readonly rank: number;
  cell(worker: WorkerStatus, rate: number | undefined): string;
}

const COLUMNS: readonly Column[] = [
  { head: 'ID', isNumber: false, rank: 0, cell: ({ id }) => id },
  { head: 'PID', isNumber: true, rank: 3, cell: pidText },
  { head: 'STATE', isNumber: false, rank: 0, cell: ({ state }) => state },
  { head: 'REQ/S', isNumber: true, rank: 0, cell: (_, rate) => (rate === undefined ? '-' : rateText(rate)) },
  { head: 'IN FL', isNumber: true, rank: 0, cell: ({ inFlight }) => String(inFlight) },
  { head: 'REQUESTS', isNumber: true, rank: 5, cell: ({ requests }) => String(requests) },
  { head: 'MEMORY', isNumber: true, rank: 0, cell: ({ memory }) => sizeText(memory) },
  { head: 'DELAY', isNumber: true, rank: 1, cell: delayText },
  { head: 'BUSY', isNumber: true, rank: 0, cell: busyText },
  { head: 'LOOP', isNumber: false, rank: 6, cell: ({ eventLoop }) => bar(eventLoop.utilization) },
  { head: 'RST', isNumber: true, rank: 2, cell: ({ restarts }) => String(restarts) },
  { head: 'UP', isNumber: true, rank: 4, cell: upText },
];

const KEYS = '↑↓ choose  r restart  d drain  w why  + - scale  R reload  ? help  q quit';

export const HELP: readonly string[] = [
  '↑ ↓, k j   choose a worker',
  'r          replace it by another, which is ready before it goes',
  'd          let it finish and end; its place stays empty until r',
  'w          what is it doing? where it blocks, by file and line',
  '+ -        one worker more, one less, of its app',
  'R          read the config again and replace all workers',
  'q, Ctrl-C  leave; the instance goes on',
  '',
  'DELAY is the longest that its event loop was held up of late, BUSY the share of time in which it worked.',
  'Rates and percentiles at the top are of the last ten seconds.',
];

/** Lines at the top and bottom that are always there: name, rule, heads of the table, message and keys. */
const LEAST_WORKER_ROWS = 3;

/** Exactly so many lines, none longer than there are columns. */
export function linesOf(view: View, columns: number, rows: number, paint: Paint): string[] {
  const { status } = view;
  const head = [headLine(status, columns, paint), ...status.apps.flatMap((app) => appLines(app, status, columns)), ''];
  const foot = [cut(view.message === '' ? '' : ` ${view.message}`, columns), paint.dim(cut(` ${KEYS}`, columns))];
  const room = rows - head.length - foot.length;
  const body =
    view.page === null ? workersAndIncidents(view, columns, room, paint) : pageLines(view.page, columns, room);
  const all = [...head, ...body.slice(0, Math.max(0, room))];
  while (all.length < rows - foot.length) all.push('');
  return [...all.slice(0, Math.max(0, rows - foot.length)), ...foot].slice(-rows);
}

function headLine({ name, state, uptime, pid, connections, workers }: Status, columns: number, paint: Paint): string {
  const ready = workers.filter((worker) => worker.state === 'ready').length;
  const facts = `  ${state}, up ${spanText(uptime)}, pid ${pid}, ${ready} of ${workers.length} ready, ${connections} connections`;
  const shown = cut(` ${name}${facts}`, columns);
  const nameEnd = Math.min(shown.length, name.length + 1);
  return paint.bold(shown.slice(0, nameEnd)) + shown.slice(nameEnd);
}

function appLines(app: AppStatus, status: Status, columns: number): string[] {
  const { recent } = app;
  const label = status.apps.length > 1 ? `${shortened(app.name, columns)}: ` : '';
  const rates = [
    `${rateText(recent.requestsPerSecond)} req/s`,
    `${rateText(recent.errorsPerSecond)} err/s`,
    `p50 ${latencyText(recent.p50Ms)}`,
    `p95 ${latencyText(recent.p95Ms)}`,
    `p99 ${latencyText(recent.p99Ms)}`,
    app.addresses.join(' '),
  ];
  const counts = [
    `${app.inFlight} in flight`,
    `${app.queued} queued`,
    `${app.requests} requests`,
    `${app.retried} retried`,
    `${app.moved} moved`,
    `${app.shed} shed`,
  ];
  return [
    cut(` ${label}${rates.join('  ')}`, columns),
    cut(` ${' '.repeat(label.length)}${counts.join('  ')}`, columns),
  ];
}

/** Workers come first; incidents get what they leave, and a third of the room at least where there are any. */
function workersAndIncidents(view: View, columns: number, room: number, paint: Paint): string[] {
  const { workers } = view.status;
  const incidents = view.incidents.toSorted((a, b) => Number(b.closedAt === null) - Number(a.closedAt === null));
  const wantedByIncidents =
    incidents.length === 0 ? 0 : Math.min(incidents.length + 2, Math.max(3, Math.floor(room / 3)));
  const workerRows = Math.max(LEAST_WORKER_ROWS, Math.min(workers.length, room - wantedByIncidents - 1));
  const from = Math.min(Math.max(0, view.selected - workerRows + 1), Math.max(0, workers.length - workerRows));
  const lines = workerLines(view, from, workerRows, columns, paint);
  if (incidents.length === 0) return lines;
  const left = room - lines.length - 2;
  const shown = incidents
    .slice(0, Math.max(0, left))
    .map((incident) => incidentLine(incident, view.status.apps.length > 1, columns, paint));
  return [...lines, '', paint.dim(cut(' INCIDENTS', columns)), ...shown];
}

function workerLines(view: View, from: number, count: number, columns: number, paint: Paint): string[] {
  const { workers } = view.status;
  const all = COLUMNS.map((column) => {
    const whole = workers.map((worker) => column.cell(worker, view.rates.get(rateKey(worker))));
    const cells = column.head === 'ID' ? whole.map((id) => shortened(id, columns)) : whole;
    const width = Math.max(column.head.length, ...cells.map((cell) => cell.length));
    return { ...column, cells, width };
  });
  const shown = fitting(all, columns);
  const fit = (text: string, { isNumber, width }: (typeof all)[number]): string =>
    isNumber ? text.padStart(width) : text.padEnd(width);
  const head = cut(` ${shown.map((column) => fit(column.head, column)).join('  ')}`, columns);
  const rows = workers.slice(from, from + count).map((worker, i) => {
    const at = from + i;
    const mark = at === view.selected ? '>' : ' ';
    const plain = cut(mark + shown.map((column) => fit(column.cells[at]!, column)).join('  '), columns);
    return at === view.selected ? paint.bold(painted(plain, worker, paint)) : painted(plain, worker, paint);
  });
  return [paint.dim(head), ...rows];
}

/** The word of its state in its colour, wherever it stands in the line. */
function painted(line: string, worker: WorkerStatus, paint: Paint): string {
  const at = line.indexOf(` ${worker.state}`);
  if (at === -1) return line;
  const end = at + 1 + worker.state.length;
  return line.slice(0, at + 1) + stateColour(worker.state, paint)(worker.state) + line.slice(end);
}

/** @param isNamed whether it is said of which app it is */
function incidentLine(incident: Incident, isNamed: boolean, columns: number, paint: Paint): string {
  const { openedAt, closedAt, severity, app, worker, cause, count } = incident;
  const time = new Date(openedAt).toTimeString().slice(0, 8);
  const times = count > 1 ? ` (${count} times)` : '';
  const place = [...(isNamed && app !== null ? [app] : []), ...(worker === null ? [] : [worker])].join(':');
  const who = worker === null ? shortened(place, columns) : `worker ${shortened(place, columns)}`;
  const shown = cut(` ${time} ${who === '' ? '' : `${who}: `}${cause}${times}`, columns);
  if (closedAt !== null) return paint.dim(shown);
  return severity === 'warning' || severity === 'info' ? paint.yellow(shown) : paint.red(shown);
}

function pageLines(page: readonly string[], columns: number, room: number): string[] {
  const lines = page.flatMap((line) => wrapped(line, columns - 1)).map((line) => cut(` ${line}`, columns));
  return [...lines.slice(0, Math.max(0, room - 2)), '', cut(' any key: back', columns)];
}

/** Broken between words, with what follows further in. */
function wrapped(line: string, width: number): string[] {
  const inner = `${/^ */.exec(line)![0]}  `;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width && width > inner.length + 1) {
    const at = rest.lastIndexOf(' ', width);
    const end = at > inner.length ? at : width;
    lines.push(rest.slice(0, end));
    rest = inner + rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

/** Of one process: another in its place begins anew. */
export function rateKey({ id, pid }: WorkerStatus): string {
  return `${id} ${pid}`;
}

/** What a name is given of a line: one of several apps may be called anything. */
const NAME_SHARE = 1 / 3;

/** Its beginning and its end, where it differs from others. */
function shortened(name: string, columns: number): string {
  const width = Math.floor(columns * NAME_SHARE);
  if (name.length <= width) return name;
  const end = Math.ceil((width - 1) / 2);
  return `${name.slice(0, Math.max(0, width - 1 - end))}…${name.slice(-end)}`;
}

const BAR_WIDTH = 8;

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  return '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
}

/** What may come from an app or its files must not steer the terminal. */
function cut(text: string, columns: number): string {
  const safe = [...text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')];
  return safe.length <= columns ? safe.join('') : `${safe.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
