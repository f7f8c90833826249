import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient, ControlFailure } from '../control/client.ts';
import type {
  AppStatus,
  JudgedWorker,
  RecordedEvent,
  Status,
  WhyReport,
  WorkerStatus,
} from '../control/control-target.ts';
import type { Instance } from '../control/instance.ts';
import { durationText } from '../core/duration-text.ts';
import { EvenerError } from '../core/evener-error.ts';
import { isAlive } from '../core/is-alive.ts';
import type { SupervisorEvent } from '../index.ts';
import { chosenInstance } from './chosen-instance.ts';
import { judgedLines } from './judged-table.ts';
import { Narrator } from './narrator.ts';
import { printable } from './printable.ts';
import { clockText, type Paint, paintFor, statusText } from './tables.ts';
import { OwnTerminal } from './top/terminal.ts';
import { Top } from './top/top.ts';
import type { VerbRequest } from './verb-arguments.ts';

/** How often it is looked whether an instance that was told to stop is gone. */
const GONE_CHECK_MS = 50;

interface LogLine {
  readonly app: string;
  readonly slot: number;
  readonly stream: string;
  readonly time: string;
  readonly text: string;
}

/** One verb at work. */
interface Work {
  readonly request: VerbRequest;
  readonly instance: Instance;
  readonly client: ControlClient;
  readonly paint: Paint;
}

/**
 * Runs a verb on the instance that is meant, and prints what comes of it.
 * @throws ControlFailure when it says no, or nothing runs; EvenerError EVENER_USAGE when it is not clear which is meant
 */
export async function runVerb(request: VerbRequest): Promise<void> {
  const instance = await chosenInstance(request);
  await ACTS[request.verb]({
    request,
    instance,
    client: new ControlClient(instance.socket),
    paint: paintFor(process.stdout),
  });
}

const ACTS: Readonly<Record<VerbRequest['verb'], (work: Work) => Promise<void>>> = {
  async status({ request, client, paint }) {
    const status = await client.get<Status>('/status');
    tell(request, status, () => statusText(status, paint, process.stdout.isTTY ? process.stdout.columns : Infinity));
  },
  async top({ client, instance, paint }) {
    if (!process.stdin.isTTY || !process.stdout.isTTY) {
      throw new EvenerError('EVENER_USAGE', 'top needs a terminal: evener status shows the same once');
    }
    const terminal = new OwnTerminal(process.stdin, process.stdout);
    let wasLeft = false;
    try {
      wasLeft = await new Top(client, terminal, paint).run();
    } finally {
      terminal.restore();
    }
    if (!wasLeft) print(`${instance.name} (pid ${instance.pid}) has stopped`);
  },
  async events({ request, client, paint }) {
    const show = eventPrinter(request, paint, request.json ? [] : await appNames(client));
    if (request.follow) return client.follow('/events', (event) => show(event as RecordedEvent));
    const { events } = await client.get<{ events: RecordedEvent[] }>('/events?follow=false');
    events.forEach(show);
  },
  async logs({ request, client, paint }) {
    const hasSeveral = !request.json && (await appNames(client)).length > 1;
    const query = new URLSearchParams({ follow: String(request.follow) });
    if (request.words[0] !== undefined) query.set('worker', request.words[0]);
    if (request.lines !== null) query.set('lines', String(request.lines));
    const show = (line: LogLine): void => {
      const place = hasSeveral ? `${line.app}:${line.slot}` : String(line.slot);
      const label = `${place} ${line.stream === 'stderr' ? '!' : '|'}`;
      print(request.json ? JSON.stringify(line) : `${paint.dim(`${clockText(line.time)} ${label}`)} ${line.text}`);
    };
    if (request.follow) return client.follow(`/logs?${query}`, (line) => show(line as LogLine));
    const { lines } = await client.get<{ lines: LogLine[] }>(`/logs?${query}`);
    lines.forEach(show);
  },
  async reload({ request, client }) {
    const { parallel, canary, for: time } = request;
    const body = {
      ...(parallel === null ? {} : { parallel }),
      ...(canary === null ? {} : { canary }),
      ...(time === null ? {} : { for: time }),
    };
    const done = await client.post<{ tookMs: number; judged: readonly JudgedWorker[] }>('/reload', body);
    tell(request, done, () => {
      const lines = [...done.judged.flatMap(judgedLines), `reloaded in ${durationText(done.tookMs)}`];
      return `${lines.join('\n')}\n`;
    });
  },
  async scale({ request, client }) {
    const [word] = request.words;
    const size = /^[+-]/.test(word!) ? { by: Number(word) } : { workers: Number(word) };
    const body = request.app === null ? size : { ...size, app: request.app };
    const { apps } = await client.post<{ apps: AppStatus[] }>('/scale', body);
    const line = ({ name, workers: { wanted } }: AppStatus): string =>
      `${name}: ${wanted} worker${wanted === 1 ? '' : 's'}\n`;
    tell(request, { apps }, () => apps.map(line).join(''));
  },
  async restart({ request, client }) {
    const workers: WorkerStatus[] = [];
    for (const id of request.words) {
      const worker = await client.post<WorkerStatus>(`/workers/${encodeURIComponent(id)}/restart`);
      workers.push(worker);
      if (!request.json) print(`worker ${worker.id} restarted, now pid ${worker.pid}`);
    }
    if (request.json) printJson({ workers });
  },
  async drain({ request, client }) {
    const workers: WorkerStatus[] = [];
    for (const id of request.words) {
      const worker = await client.post<WorkerStatus>(`/workers/${encodeURIComponent(id)}/drain`);
      workers.push(worker);
      if (!request.json) print(`worker ${worker.id} drains; evener restart ${worker.id} fills its place again`);
    }
    if (request.json) printJson({ workers });
  },
  async why({ request, client }) {
    const report = await client.post<WhyReport>(`/workers/${encodeURIComponent(request.words[0]!)}/why`);
    tell(request, report, () => `${printable(report.text)}\n`);
  },
  async stop({ request, client, instance }) {
    const { name, pid } = instance;
    // One of another pid namespace cannot be seen.
    const isSeen = isAlive(pid);
    await client.post('/stop', { now: request.now });
    // Its folder goes last, but where it is killed and its guard with it.
    for (let isDead = false; existsSync(instance.socket); isDead = isSeen && !isAlive(pid)) {
      if (isDead) throw new ControlFailure('UNREACHABLE', `${name} (pid ${pid}) was killed before it had stopped`);
      await sleep(GONE_CHECK_MS);
    }
    tell(request, { name, pid, stopped: true }, () => `${name} (pid ${pid}) has stopped\n`);
  },
  async dashboard({ request, client }) {
    const { url } = await client.get<{ url: string }>('/dashboard-link');
    tell(request, { url }, () => `${url}\n`);
  },
};

/** What a person reads of a refusal, with the output of a worker that did not come up. */
export function failureText(failure: ControlFailure): string {
  const { output, judged } = failure.details;
  const lines = [failure.message];
  if (Array.isArray(judged)) lines.push(...(judged as JudgedWorker[]).flatMap(judgedLines));
  if (Array.isArray(output) && output.length > 0) {
    lines.push('The last lines of the new worker:', ...output.map((line) => `  ${line}`));
  }
  return lines.join('\n');
}

/** @param apps what is known of them before the first event, for that of their start may be gone */
function eventPrinter(request: VerbRequest, paint: Paint, apps: readonly string[]): (event: RecordedEvent) => void {
  if (request.json) return (event) => print(JSON.stringify(event));
  let time = '';
  const narrator = new Narrator((line) => print(`${paint.dim(time)} ${line}`), apps);
  return (recorded) => {
    time = clockText(recorded.time);
    narrator.tell(recorded.event as SupervisorEvent);
  };
}

async function appNames(client: ControlClient): Promise<string[]> {
  const { apps } = await client.get<Status>('/status');
  return apps.map(({ name }) => name);
}

function tell(request: VerbRequest, facts: unknown, text: () => string): void {
  if (request.json) printJson(facts);
  else process.stdout.write(text());
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printJson(facts: unknown): void {
  process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
}
