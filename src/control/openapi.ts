import { INCIDENT_KINDS, SEVERITIES } from '../core/incident.ts';
import { API_ERRORS } from './api-error.ts';
import { SERVER_STATES, WORKER_STATES } from './control-target.ts';
import { ROUTES, type Route } from './routes.ts';

/** The OpenAPI 3.1 document of the API, made from its routes. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of [...ROUTES, OPENAPI_ROUTE]) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Evener control API',
      version,
      description: 'Shows and steers a running instance of Evener.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Not needed on the Unix socket, nor on loopback where no token was set and no browser asks.',
        },
      },
      schemas: SCHEMAS,
    },
  };
}

/** Answered by the server itself, since the document is made from the other routes. */
export const OPENAPI_ROUTE: Omit<Route, 'handle'> = {
  method: 'GET',
  path: '/openapi.json',
  operation: 'getDocument',
  summary: 'This document.',
  answers: { 200: { meaning: 'OpenAPI 3.1', schema: { type: 'object' } } },
};

function operationOf(route: Omit<Route, 'handle'>): object {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    description: 'Id of a worker, as in the status',
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(route.query ?? {}).map(([name, { meaning, schema }]) => ({
    name,
    in: 'query',
    description: meaning,
    schema,
  }));
  const parameters = [...inPath, ...inQuery];
  const answers = Object.entries(route.answers).map(([status, answer]) => [status, answerOf(Number(status), answer)]);
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: route.body } } } }),
    ...(route.isOpen ? { security: [{}] } : {}),
    responses: {
      ...Object.fromEntries(answers),
      default: answerOf(500, { meaning: 'Whatever else may be wrong: code says what' }),
    },
  };
}

function answerOf(status: number, { meaning, schema, type }: Route['answers'][number]): object {
  if (type !== undefined) return { description: meaning, content: { [type]: { schema: { type: 'string' } } } };
  const shown = schema ?? (status >= 400 ? { $ref: '#/components/schemas/Error' } : {});
  return { description: meaning, content: { 'application/json': { schema: shown } } };
}

const NUMBER = { type: 'number' };
const COUNT = { type: 'integer', minimum: 0 };
const TEXT = { type: 'string' };
const COLUMN = { type: 'array', items: { type: ['number', 'null'] } };

function record(properties: Record<string, object>, description: string): object {
  return { type: 'object', description, required: Object.keys(properties), properties };
}

function described(schema: object, description: string): object {
  return { ...schema, description };
}

const JUDGED_SIDE = {
  workers: COUNT,
  requests: COUNT,
  failures: described(COUNT, 'Answered with 500 or more, or not at all by its fault'),
  p50Ms: described({ type: ['number', 'null'] }, 'Time to the head of a response'),
  p99Ms: { type: ['number', 'null'] },
  loopDelayMs: described({ type: ['number', 'null'] }, 'One in ten times its event loop was held up for longer'),
  utilization: described(NUMBER, 'Share of time in which it was busy, 0-1'),
};

const SCHEMAS = {
  Status: record(
    {
      name: TEXT,
      pid: COUNT,
      version: TEXT,
      state: { enum: ['starting', 'running', 'stopping'] },
      startedAt: { type: 'string', format: 'date-time' },
      time: described({ type: 'string', format: 'date-time' }, 'As of when this is'),
      uptime: described(NUMBER, 'Seconds, by no clock that can be set'),
      config: described({ type: ['string', 'null'] }, 'The config file'),
      admin: described({ type: ['string', 'null'] }, 'Where the admin listener is reached'),
      threads: described(COUNT, 'Balancer threads'),
      connections: described(COUNT, 'Client connections'),
      apps: { type: 'array', items: { $ref: '#/components/schemas/App' } },
      workers: { type: 'array', items: { $ref: '#/components/schemas/Worker' } },
      servers: { type: 'array', items: { $ref: '#/components/schemas/Server' } },
      canaries: {
        type: 'array',
        description: 'New workers that are tried out',
        items: record(
          {
            app: TEXT,
            slot: COUNT,
            pid: COUNT,
            share: described(NUMBER, 'Of the requests, 0-0.5'),
            leftMs: described({ type: ['integer', 'null'] }, 'How much longer; null = it is not ready yet'),
          },
          'A new worker that is tried out',
        ),
      },
      sources: { type: 'array', items: { $ref: '#/components/schemas/Source' } },
      incidents: described(COUNT, 'How many incidents last'),
    },
    'An instance',
  ),
  App: record(
    {
      name: TEXT,
      command: TEXT,
      addresses: { type: 'array', items: TEXT },
      workers: record({ wanted: COUNT, ready: COUNT }, 'How many there should be, and how many serve'),
      requests: described(COUNT, 'Finished so far'),
      retried: COUNT,
      moved: COUNT,
      shed: described(COUNT, 'Refused for want of a worker'),
      bytesIn: COUNT,
      bytesOut: COUNT,
      inFlight: COUNT,
      queued: COUNT,
      recent: record(
        {
          requestsPerSecond: NUMBER,
          errorsPerSecond: NUMBER,
          p50Ms: { type: ['number', 'null'] },
          p95Ms: { type: ['number', 'null'] },
          p99Ms: { type: ['number', 'null'] },
        },
        'The last ten seconds',
      ),
    },
    'An app, or a pool of servers',
  ),
  Server: record(
    {
      pool: TEXT,
      server: TEXT,
      source: described({ type: ['string', 'null'] }, 'What it was found by; null where the options name it'),
      state: { enum: [...SERVER_STATES] },
      reason: TEXT,
    },
    'A server of a pool; it gets requests while it is up',
  ),
  Source: record(
    {
      pool: TEXT,
      source: TEXT,
      servers: described(COUNT, 'How many it names'),
      updatedAt: { type: ['string', 'null'], format: 'date-time', description: 'When it last said which there are' },
      error: described(TEXT, 'What is wrong with it; empty = nothing. Then what it said last holds'),
    },
    'A place where servers of a pool are found',
  ),
  History: record(
    {
      name: TEXT,
      times: { type: 'array', items: NUMBER, description: 'Unix time in seconds' },
      requestsPerSecond: COLUMN,
      errorsPerSecond: COLUMN,
      p50Ms: COLUMN,
      p95Ms: COLUMN,
      p99Ms: COLUMN,
    },
    'The last ten minutes of an app',
  ),
  Worker: record(
    {
      id: described(TEXT, 'Of its place; while one replaces another both have it'),
      app: TEXT,
      slot: COUNT,
      pid: { type: ['integer', 'null'] },
      state: { enum: [...WORKER_STATES] },
      generation: COUNT,
      inFlight: COUNT,
      requests: described(COUNT, 'Finished so far'),
      memory: described({ type: ['integer', 'null'] }, 'Resident bytes'),
      eventLoop: record(
        {
          delayMs: described(NUMBER, 'Longest delay of late, or how long it has been silent'),
          utilization: described({ type: 'number', minimum: 0, maximum: 1 }, 'Share of late in which it was busy'),
        },
        'Its event loop',
      ),
      restarts: COUNT,
      uptime: described(NUMBER, 'Seconds since its start'),
    },
    'A worker, or the empty place of one',
  ),
  JudgedWorker: record(
    {
      app: TEXT,
      slot: COUNT,
      pid: COUNT,
      verdict: described({ enum: ['on', 'back', 'unjudged'] }, 'unjudged: too few requests to tell, and none failed'),
      reason: TEXT,
      share: NUMBER,
      lastedMs: COUNT,
      newcomer: record(JUDGED_SIDE, 'The new worker'),
      others: record(JUDGED_SIDE, 'Those of before, in the same time'),
    },
    'What came of the trial of a new worker',
  ),
  Event: record(
    {
      id: described(COUNT, 'Grows from event to event'),
      time: { type: 'string', format: 'date-time' },
      event: { type: 'object', required: ['type'], properties: { type: TEXT }, additionalProperties: true },
    },
    'Something that happened',
  ),
  Incident: record(
    {
      id: TEXT,
      openedAt: { type: 'string', format: 'date-time' },
      updatedAt: { type: 'string', format: 'date-time' },
      closedAt: { type: ['string', 'null'], format: 'date-time', description: 'null while it lasts' },
      kind: { enum: INCIDENT_KINDS },
      severity: { enum: SEVERITIES },
      app: { type: ['string', 'null'], description: 'null where it is about the whole instance' },
      worker: { type: ['integer', 'null'], description: "The worker's place in its app, from 0" },
      cause: described(TEXT, 'What happened, one sentence'),
      evidence: { type: 'object', additionalProperties: true },
      decision: described(TEXT, 'What Evener does about it'),
      recovery: { type: ['string', 'null'], description: 'How it ended' },
      count: described(COUNT, 'How often it has happened since it opened; of requests, how many'),
      dedupKey: described(TEXT, 'Of those that last only one has it'),
    },
    'Something that went wrong, from its beginning to its end',
  ),
  LogLine: record(
    {
      app: TEXT,
      slot: COUNT,
      pid: COUNT,
      stream: { enum: ['stdout', 'stderr'] },
      time: { type: 'string', format: 'date-time' },
      text: TEXT,
    },
    'A line that a worker wrote',
  ),
  Error: {
    type: 'object',
    description: 'Why not',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: { enum: Object.keys(API_ERRORS) },
          message: described(TEXT, 'For people; its wording may change'),
          details: { type: 'object', additionalProperties: true },
        },
      },
    },
  },
};
