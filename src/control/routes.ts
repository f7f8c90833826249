import type { IncomingMessage, ServerResponse } from 'node:http';
import * as v from 'valibot';
import { shownValue } from '../core/shown-value.ts';
import { ApiError } from './api-error.ts';
import { canaryOrderOf } from './canary-order.ts';
import type { ControlTarget, RecordedEvent, ReloadOrder, WorkerPlace } from './control-target.ts';
import type { EventStream } from './event-stream.ts';

/** How often a new status is sent to those who follow it. */
const LIVE_MS = 1_000;
/** Lines of a log that are shown where nobody says how many. */
const DEFAULT_LINES = 100;
const MAX_LINES = 10_000;

/** What a handler works with. */
export interface Call {
  readonly target: ControlTarget;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The JSON body; null where there was none. */
  readonly body: unknown;
  /** Opens a stream of events, of which there may be so many. @throws ApiError TOO_MANY_STREAMS */
  stream(): EventStream;
}

/** What is answered; null where the handler has answered by a stream. */
export type Reply =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: number; readonly text: string; readonly type: string }
  | null;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `:name` stands for one segment. */
  readonly path: string;
  /** Name in the OpenAPI document. */
  readonly operation: string;
  /** One line. */
  readonly summary: string;
  /** It tells nothing that is anybody's secret: let in without a token, for probes. */
  readonly isOpen?: true;
  /** Query parameters: name -> meaning. */
  readonly query?: Readonly<Record<string, { readonly meaning: string; readonly schema: object }>>;
  /** JSON schema of the body, which may be left out. */
  readonly body?: object;
  /** Answers: status -> what, with the schema of its JSON, or its media type. */
  readonly answers: Readonly<
    Record<number, { readonly meaning: string; readonly schema?: object; readonly type?: string }>
  >;
  handle(call: Call): Reply | Promise<Reply>;
}

const FOLLOW = {
  meaning: 'false: what there is, as JSON. Default: server-sent events that go on with what comes',
  schema: { type: 'boolean' },
};

const RELOADED = {
  type: 'object',
  required: ['tookMs', 'judged'],
  properties: {
    tookMs: { type: 'number' },
    judged: { type: 'array', items: { $ref: '#/components/schemas/JudgedWorker' } },
  },
};
const RESTARTED = { $ref: '#/components/schemas/Worker' };

/** Every path of the API. The OpenAPI document is made from this table. */
export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/status',
    operation: 'getStatus',
    summary: 'The instance, its apps and its workers, as of now.',
    answers: { 200: { meaning: 'The status', schema: { $ref: '#/components/schemas/Status' } } },
    handle: ({ target }) => ({ status: 200, json: target.status() }),
  },
  {
    method: 'GET',
    path: '/live',
    operation: 'followStatus',
    summary: 'The status once a second, as server-sent events.',
    answers: { 200: { meaning: 'Each event is a Status', type: 'text/event-stream' } },
    handle: ({ target, stream }) => {
      const live = stream();
      const send = (): void => live.send(target.status());
      send();
      const timer = setInterval(send, LIVE_MS);
      live.onClosed(() => clearInterval(timer));
      return null;
    },
  },
  {
    method: 'GET',
    path: '/history',
    operation: 'getHistory',
    summary: 'Rates and percentiles of the last ten minutes, a sample a second, each over the ten seconds before it.',
    answers: {
      200: {
        meaning: 'A column for each figure; all columns of an app are of one length',
        schema: {
          type: 'object',
          required: ['apps'],
          properties: { apps: { type: 'array', items: { $ref: '#/components/schemas/History' } } },
        },
      },
    },
    handle: ({ target }) => ({ status: 200, json: { apps: target.history() } }),
  },
  {
    method: 'GET',
    path: '/events',
    operation: 'followEvents',
    summary:
      'What happened and happens, as server-sent events; those after Last-Event-ID, else all that are known, first.',
    query: { follow: FOLLOW },
    answers: { 200: { meaning: 'Each event is an Event', type: 'text/event-stream' } },
    handle: ({ target, request, query, stream }) => {
      const last = Number(request.headers['last-event-id'] ?? 0) || 0;
      if (!follows(query)) return { status: 200, json: { events: target.events.since(last) } };
      const events = stream();
      const send = (event: RecordedEvent): void => events.send(event, event.id);
      events.begin(() => target.events.since(last).forEach(send));
      events.onClosed(target.events.subscribe(send));
      return null;
    },
  },
  {
    method: 'GET',
    path: '/incidents',
    operation: 'getIncidents',
    summary: 'What went wrong of late, with its evidence, newest first.',
    answers: {
      200: {
        meaning: 'The incidents',
        schema: {
          type: 'object',
          required: ['incidents'],
          properties: { incidents: { type: 'array', items: { $ref: '#/components/schemas/Incident' } } },
        },
      },
    },
    handle: ({ target }) => ({ status: 200, json: { incidents: [...target.incidents()].reverse() } }),
  },
  {
    method: 'GET',
    path: '/logs',
    operation: 'followLogs',
    summary: 'What workers write, as server-sent events; the last lines first.',
    query: {
      worker: { meaning: 'Id of a worker. Default: all', schema: { type: 'string' } },
      lines: {
        meaning: `How many of the last lines. Default: ${DEFAULT_LINES}`,
        schema: { type: 'integer', minimum: 0, maximum: MAX_LINES },
      },
      follow: FOLLOW,
    },
    answers: {
      200: { meaning: 'Each event is a LogLine', type: 'text/event-stream' },
      404: { meaning: 'There is no such worker' },
    },
    handle: ({ target, query, stream }) => {
      const id = query.get('worker');
      const worker = id === null ? null : target.find(id);
      const lines = target.logs(worker).slice(-lineCount(query) || Number.POSITIVE_INFINITY);
      if (!follows(query)) return { status: 200, json: { lines } };
      const log = stream();
      log.begin(() => {
        for (const line of lines) log.send(line);
      });
      log.onClosed(target.followLogs(worker, (line) => log.send(line)));
      return null;
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    operation: 'getMetrics',
    summary: 'Metrics in the Prometheus text format: of the instance, and the own ones of apps that use prom-client.',
    answers: { 200: { meaning: 'Prometheus text, version 0.0.4', type: 'text/plain' } },
    handle: async ({ target }) => ({
      status: 200,
      text: await target.metrics(),
      type: 'text/plain; version=0.0.4; charset=utf-8',
    }),
  },
  {
    method: 'GET',
    path: '/healthz',
    operation: 'getHealth',
    summary: 'Whether the supervisor answers. Open to everybody.',
    isOpen: true,
    answers: { 200: { meaning: 'It does', schema: okSchema() } },
    handle: () => ({ status: 200, json: { ok: true } }),
  },
  {
    method: 'GET',
    path: '/readyz',
    operation: 'getReadiness',
    summary: 'Whether every app has a worker that serves. Open to everybody.',
    isOpen: true,
    answers: {
      200: { meaning: 'Every app is served', schema: okSchema() },
      503: { meaning: 'Some app is not, or the instance starts or stops', schema: okSchema() },
    },
    handle: ({ target }) => {
      const reason = target.unready();
      return reason === null ? { status: 200, json: { ok: true } } : { status: 503, json: { ok: false, reason } };
    },
  },
  {
    method: 'POST',
    path: '/reload',
    operation: 'reload',
    summary: 'Reads the config again and replaces the workers one by one; answers when it is over.',
    body: {
      type: 'object',
      additionalProperties: false,
      properties: {
        parallel: { type: 'integer', minimum: 1, maximum: 512, description: 'Workers replaced at a time' },
        canary: {
          type: 'string',
          description: 'The first new worker takes this share of the requests, such as 10%, and is judged; or off',
        },
        for: { type: 'string', description: 'For so long, such as 60s' },
      },
    },
    answers: {
      200: { meaning: 'Done', schema: RELOADED },
      500: {
        meaning:
          'Given up: the workers of before go on. details.output has the last lines of the one that failed, details.judged the comparison',
      },
      503: { meaning: 'It is not running' },
    },
    handle: async ({ target, body }) => {
      const startedAtMs = performance.now();
      const { judged } = await target.reload(reloadOrderOf(parsed(RELOAD, body) ?? {}));
      return { status: 200, json: { tookMs: Math.round(performance.now() - startedAtMs), judged } };
    },
  },
  {
    method: 'POST',
    path: '/scale',
    operation: 'scale',
    summary: 'More or fewer workers: so many, or so many more or less.',
    body: {
      type: 'object',
      additionalProperties: false,
      properties: {
        app: { type: 'string', description: 'May be left out where there is one app' },
        workers: { type: 'integer', minimum: 1, maximum: 512 },
        by: { type: 'integer', minimum: -512, maximum: 512 },
      },
      oneOf: [{ required: ['workers'] }, { required: ['by'] }],
    },
    answers: {
      200: {
        meaning: 'The apps, with the number of workers they are to have',
        schema: {
          type: 'object',
          required: ['apps'],
          properties: { apps: { type: 'array', items: { $ref: '#/components/schemas/App' } } },
        },
      },
      400: { meaning: 'No such app, or neither workers nor by' },
      503: { meaning: 'It is not running' },
    },
    handle: ({ target, body }) => {
      const { app = null, workers, by } = parsed(SCALE, body);
      if ((workers === undefined) === (by === undefined)) {
        throw new ApiError('BAD_REQUEST', 'say {"workers": 4} for so many, or {"by": 1} for so many more or less');
      }
      if (workers !== undefined) target.scale(workers, app);
      else target.scaleBy(by!, app);
      const { apps, servers, sources } = target.status();
      const pools = new Set([...servers, ...sources].map(({ pool }) => pool));
      return { status: 200, json: { apps: apps.filter(({ name }) => !pools.has(name)) } };
    },
  },
  {
    method: 'POST',
    path: '/workers/:id/restart',
    operation: 'restartWorker',
    summary: 'Replaces a worker by one that is ready first, or fills its empty place; answers when it is over.',
    answers: {
      200: { meaning: 'The new worker', schema: RESTARTED },
      404: { meaning: 'There is no such worker' },
      500: { meaning: 'The new one did not come up: the old one goes on' },
    },
    handle: async ({ target, params }) => {
      const worker = target.find(params.id!);
      await target.restart(worker);
      return { status: 200, json: statusOf(target, worker) };
    },
  },
  {
    method: 'POST',
    path: '/workers/:id/drain',
    operation: 'drainWorker',
    summary:
      'Gives a worker nothing new and lets it end when it has finished; its place stays empty until it is restarted.',
    answers: {
      202: { meaning: 'It drains', schema: RESTARTED },
      404: { meaning: 'There is no such worker' },
      409: { meaning: 'It is the only one of its app that serves' },
    },
    handle: ({ target, params }) => {
      const worker = target.find(params.id!);
      target.drain(worker);
      return { status: 202, json: statusOf(target, worker) };
    },
  },
  {
    method: 'POST',
    path: '/workers/:id/why',
    operation: 'explainWorker',
    summary: 'What a worker is doing: where it blocks, by file and line, or that it does not. It goes on.',
    answers: {
      200: {
        meaning: 'The explanation',
        schema: {
          type: 'object',
          required: ['text', 'report'],
          properties: { text: { type: 'string' }, report: { description: 'For programs; may be null' } },
        },
      },
      404: { meaning: 'There is no such worker' },
    },
    handle: async ({ target, params }) => ({ status: 200, json: await target.why(target.find(params.id!)) }),
  },
  {
    method: 'POST',
    path: '/stop',
    operation: 'stop',
    summary: 'Stops the instance: finishes what is in flight, unless it is to be now.',
    body: {
      type: 'object',
      additionalProperties: false,
      properties: { now: { type: 'boolean', description: 'Ends everything at once' } },
    },
    answers: { 202: { meaning: 'It stops', schema: okSchema() } },
    handle: ({ target, body, response }) => {
      const now = parsed(STOP, body)?.now ?? false;
      response.once('close', () => target.stop(now));
      return { status: 202, json: { ok: true } };
    },
  },
];

const SCALE = v.strictObject({
  app: v.optional(v.string()),
  workers: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(512))),
  by: v.optional(v.pipe(v.number(), v.integer(), v.minValue(-512), v.maxValue(512))),
});

const RELOAD = v.nullable(
  v.strictObject({
    parallel: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(512))),
    canary: v.optional(v.string()),
    for: v.optional(v.string()),
  }),
);

const STOP = v.nullable(v.strictObject({ now: v.optional(v.boolean()) }));

/** What the keys of bodies take, in words. */
const EXPECTED: Readonly<Record<string, string>> = {
  workers: 'a whole number, 1-512',
  by: 'a whole number, -512 to 512',
  parallel: 'a whole number, 1-512',
  app: 'the name of an app',
  canary: "a share of the requests such as '10%', or 'off'",
  for: "a duration such as '60s'",
  now: 'true or false',
};

function parsed<T>(schema: v.GenericSchema<unknown, T>, body: unknown): T {
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const key = v.getDotPath(issue);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    throw new ApiError('BAD_REQUEST', `the body: no key is called ${JSON.stringify(key)}`);
  }
  const expected = key === null ? 'an object' : (EXPECTED[key] ?? issue.expected ?? 'something else');
  const what = key === null ? 'the body' : key;
  throw new ApiError('BAD_REQUEST', `${what}: expected ${expected}, got ${shownValue(issue.input)}`);
}

function reloadOrderOf({ parallel, canary, for: time }: NonNullable<v.InferOutput<typeof RELOAD>>): ReloadOrder {
  try {
    return { parallel: parallel ?? null, canary: canaryOrderOf(canary ?? null, time ?? null) };
  } catch (error) {
    if (error instanceof RangeError) throw new ApiError('BAD_REQUEST', error.message);
    throw error;
  }
}

function follows(query: URLSearchParams): boolean {
  return query.get('follow') !== 'false';
}

function lineCount(query: URLSearchParams): number {
  const text = query.get('lines');
  if (text === null) return DEFAULT_LINES;
  const count = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= MAX_LINES) return count;
  throw new ApiError('BAD_REQUEST', `lines: expected a whole number, 0-${MAX_LINES}, got ${JSON.stringify(text)}`);
}

/** The newest of its place. */
function statusOf(target: ControlTarget, { app, slot }: WorkerPlace): unknown {
  return target.status().workers.findLast((worker) => worker.app === app && worker.slot === slot) ?? null;
}

function okSchema(): object {
  return {
    type: 'object',
    required: ['ok'],
    properties: { ok: { type: 'boolean' }, reason: { type: 'string' } },
  };
}
