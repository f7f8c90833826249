import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Admission } from './admission.ts';
import { ApiError, apiErrorOf } from './api-error.ts';
import type { ControlTarget } from './control-target.ts';
import { EventStream } from './event-stream.ts';
import { OPENAPI_ROUTE, openApiDocument } from './openapi.ts';
import { type Call, type Reply, ROUTES, type Route } from './routes.ts';

const MAX_BODY_BYTES = 64 * 1024;
/** Event streams at a time, of one listener: each costs a connection for as long as it is read. */
const MAX_STREAMS = 64;
const MAX_CONNECTIONS = 256;
/** Of these connections that have asked for nothing yet; the oldest goes for another, so that they keep nobody out. */
const MAX_SILENT = 64;
const REQUEST_TIMEOUT_MS = 30_000;

/** A file of the dashboard. */
export interface Page {
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ControlServerOptions {
  readonly target: ControlTarget;
  readonly version: string;
  /** null lets everybody in: for the Unix socket. */
  readonly admission: Admission | null;
  /** By path. Open to everybody, for there is nothing in them. */
  readonly pages: ReadonlyMap<string, Page>;
  /** Where the dashboard is reached, with the token. Told on the Unix socket alone; null = it is not. */
  readonly dashboardLink: (() => string | null) | null;
}

interface CompiledRoute {
  readonly route: Pick<Route, 'method' | 'path' | 'isOpen' | 'handle'>;
  readonly pattern: RegExp;
}

/** The control API on one listener: HTTP and JSON. It runs beside the road of requests, on the main thread. */
export class ControlServer {
  readonly #options: ControlServerOptions;
  #admission: Admission | null;
  readonly #server: http.Server;
  readonly #routes: readonly CompiledRoute[];
  readonly #streams = new Set<EventStream>();
  /** Connections that have asked for nothing yet, the oldest first. */
  readonly #silent = new Set<Socket>();

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#admission = options.admission;
    const document = openApiDocument(options.version);
    const { dashboardLink } = options;
    this.#routes = [
      ...ROUTES,
      { ...OPENAPI_ROUTE, handle: (): Reply => ({ status: 200, json: document }) },
      ...(dashboardLink === null ? [] : [linkRoute(dashboardLink)]),
    ].map((route) => ({ route, pattern: patternOf(route.path) }));
    this.#server = http.createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      this.#silent.delete(request.socket);
      void this.#answer(request, response);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('connection', (socket) => this.#connected(socket));
    // The next finds room.
    this.#server.on('drop', () => this.#server.closeIdleConnections());
    // What is wrong with listening is told by listen*().
    this.#server.on('error', () => {});
    this.#server.unref();
  }

  /** On a Unix socket that is the owner's alone. */
  async listenOn(path: string): Promise<void> {
    await this.#listen({ path });
    chmodSync(path, 0o600);
  }

  /** The same once more, where somebody removed the socket. Who is connected stays so. */
  async reopenOn(path: string): Promise<void> {
    this.stopListening();
    await this.listenOn(path);
  }

  /** On a port. @returns the one that it got, where any was asked for; rejects with the system's error */
  async listenAt(host: string, port: number): Promise<number> {
    await this.#listen({ host, port });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Its address is free for another, and may be listened on again. Who is connected stays so. */
  stopListening(): void {
    this.#server.close();
  }

  /** From now on others are let in. */
  admit(admission: Admission): void {
    this.#admission = admission;
  }

  /** Ends the streams, and closes when what is being answered has been. */
  close(): void {
    for (const stream of this.#streams) stream.end();
    this.#server.close();
    this.#server.closeIdleConnections();
    setTimeout(() => this.#server.closeAllConnections(), 100).unref();
  }

  async #listen(where: { path: string } | { host: string; port: number }): Promise<void> {
    const isListening = once(this.#server, 'listening');
    this.#server.listen(where);
    await isListening;
  }

  #connected(socket: Socket): void {
    this.#silent.add(socket);
    socket.once('close', () => this.#silent.delete(socket));
    const [oldest] = this.#silent;
    if (this.#silent.size > MAX_SILENT) oldest!.destroy();
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    try {
      const reply = await this.#replyTo(request, response);
      if (reply !== null) send(response, reply);
    } catch (error) {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      const answer = apiErrorOf(error);
      if (answer.code === 'UNAUTHORIZED') response.setHeader('www-authenticate', 'Bearer realm="evener"');
      send(response, { status: answer.status, json: answer });
    }
  }

  async #replyTo(request: http.IncomingMessage, response: http.ServerResponse): Promise<Reply> {
    const url = targetOf(request);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const page = method === 'GET' ? this.#options.pages.get(url.pathname) : undefined;
    if (page !== undefined) {
      for (const [name, value] of Object.entries(page.headers ?? {})) response.setHeader(name, value);
      const { etag } = page.headers ?? {};
      if (etag !== undefined && request.headers['if-none-match'] === etag) {
        response.writeHead(304).end();
        return null;
      }
      response.setHeader('content-type', page.type);
      response.end(page.body);
      return null;
    }
    const found = this.#routes.filter(({ pattern }) => pattern.test(url.pathname));
    const match = found.find(({ route }) => route.method === method);
    // Whoever is not let in does not learn what there is.
    if (match?.route.isOpen !== true) this.#admission?.check(request, method !== 'GET');
    if (match === undefined) throw notThere(request, response, url.pathname, found);
    const { route, pattern } = match;
    const call: Call = {
      target: this.#options.target,
      request,
      response,
      params: decoded(pattern.exec(url.pathname)?.groups ?? {}),
      query: url.searchParams,
      body: method === 'POST' ? await bodyOf(request) : null,
      stream: () => this.#openStream(request, response),
    };
    return route.handle(call);
  }

  #openStream(request: http.IncomingMessage, response: http.ServerResponse): EventStream {
    if (this.#streams.size >= MAX_STREAMS) {
      throw new ApiError('TOO_MANY_STREAMS', `${MAX_STREAMS} streams are open already: close one`);
    }
    const stream = new EventStream(response);
    this.#streams.add(stream);
    stream.onClosed(() => this.#streams.delete(stream));
    // Its answer is the head, and there is nothing to wait for.
    if (request.method === 'HEAD') stream.end();
    return stream;
  }
}

function linkRoute(link: () => string | null): CompiledRoute['route'] {
  return {
    method: 'GET',
    path: '/dashboard-link',
    handle: () => {
      const url = link();
      if (url === null) throw new ApiError('CONFLICT', 'there is no admin listener: start it with --admin <port>');
      return { status: 200, json: { url } };
    },
  };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
}

/** @throws ApiError BAD_REQUEST for a target that is none, such as `//` */
function targetOf(request: http.IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'http://localhost');
  } catch {
    throw new ApiError('BAD_REQUEST', 'the request-target is not a path: see /openapi.json');
  }
}

function decoded(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    throw new ApiError('BAD_REQUEST', 'the path is not encoded as it should be');
  }
}

function notThere(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  path: string,
  found: readonly CompiledRoute[],
): ApiError {
  if (found.length === 0) return new ApiError('NOT_FOUND', `there is no ${path}: see /openapi.json`);
  const methods = found.map(({ route }) => route.method).join(', ');
  response.setHeader('allow', methods);
  return new ApiError('METHOD_NOT_ALLOWED', `${path} takes ${methods}, not ${request.method}`);
}

/** null where there is none. */
async function bodyOf(request: http.IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) throw new ApiError('TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`);
    pieces.push(piece);
  }
  const text = Buffer.concat(pieces).toString();
  if (text.trim() === '') return null;
  // A page of another site can send forms and plain text without asking first, JSON it cannot.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new ApiError('BAD_REQUEST', 'the body has to be JSON: send "Content-Type: application/json"');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError('BAD_REQUEST', 'the body is not valid JSON');
  }
}

function send(response: http.ServerResponse, reply: NonNullable<Reply>): void {
  const isJson = 'json' in reply;
  response.statusCode = reply.status;
  response.setHeader('content-type', isJson ? 'application/json; charset=utf-8' : reply.type);
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  response.end(isJson ? `${JSON.stringify(reply.json)}\n` : reply.text);
}
