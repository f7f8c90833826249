import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { EndpointSlice } from '../../src/discovery/endpoint-slices.ts';
import type { Cleanup } from './cleanup.ts';
import { freePort } from './free-port.ts';

/** A slice as it is kept: with its name and version. */
export type KeptSlice = EndpointSlice & {
  readonly metadata: { readonly name: string; readonly namespace: string; resourceVersion?: string };
};

/**
 * The part of a Kubernetes API server that a client of EndpointSlices talks to, over real HTTP: LIST, and WATCH from a
 * version on, which may be gone. There is none that would run in a test.
 */
export class KubernetesApi {
  readonly #slices = new Map<string, KeptSlice>();
  readonly #watches = new Set<http.ServerResponse>();
  /** What watches from an older version are told first. */
  #history: { readonly version: number; readonly event: object }[] = [];
  /** Versions before it are gone. */
  #oldest = 0;
  #version = 100;
  #server: http.Server | null = null;
  #port = 0;
  /** Path and query of all requests. */
  readonly requests: string[] = [];
  /** Answered to all requests; null = nothing is wrong. */
  status: number | null = null;

  static async start(test: Cleanup): Promise<KubernetesApi> {
    const api = new KubernetesApi();
    test.after(() => api.stop());
    await api.start();
    return api;
  }

  async start(): Promise<void> {
    this.#server = http.createServer((request, response) => this.#answer(request, response));
    // One that it has again after it was stopped.
    if (this.#port === 0) this.#port = await freePort();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  /** A kubeconfig that leads here. */
  writeConfig(path: string): void {
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
      clusters: [
        { name: 'test', cluster: { server: `http://127.0.0.1:${this.#port}`, 'insecure-skip-tls-verify': true } },
      ],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      users: [{ name: 'test', user: { token: 'sesame' } }],
    };
    writeFileSync(path, JSON.stringify(config));
  }

  get watches(): number {
    return this.#watches.size;
  }

  put(slice: KeptSlice): void {
    const { name } = slice.metadata;
    const kept = this.#kept(slice);
    this.#tell({ type: this.#slices.has(name) ? 'MODIFIED' : 'ADDED', object: kept });
    this.#slices.set(name, kept);
  }

  delete(name: string): void {
    const kept = this.#kept(this.#slices.get(name)!);
    this.#slices.delete(name);
    this.#tell({ type: 'DELETED', object: kept });
  }

  bookmark(): void {
    const object = { metadata: { resourceVersion: String(++this.#version) } };
    this.#tell({ type: 'BOOKMARK', object });
  }

  /** All versions so far are gone; watches that are open learn it. */
  forget(): void {
    this.#history = [];
    this.#oldest = ++this.#version;
    this.#endWatches(`${JSON.stringify(GONE)}\n`);
  }

  /** As an API server does it every few minutes. */
  endWatches(): void {
    this.#endWatches('');
  }

  #endWatches(last: string): void {
    for (const watch of this.#watches) watch.end(last);
    this.#watches.clear();
  }

  #kept(slice: KeptSlice): KeptSlice {
    return { ...slice, metadata: { ...slice.metadata, resourceVersion: String(++this.#version) } };
  }

  #tell(event: object): void {
    this.#history.push({ version: this.#version, event });
    for (const watch of this.#watches) watch.write(`${JSON.stringify(event)}\n`);
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    this.requests.push(request.url!);
    const { pathname, searchParams } = new URL(request.url!, 'http://x');
    const isAllowed = request.headers.authorization === 'Bearer sesame';
    const status = isAllowed ? this.status : 401;
    const isHere = pathname === '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    if (status !== null || !isHere || searchParams.get('labelSelector') !== 'kubernetes.io/service-name=api') {
      const code = status ?? 404;
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code }));
      return;
    }
    response.setHeader('content-type', 'application/json');
    if (searchParams.get('watch') === 'true') this.#watch(Number(searchParams.get('resourceVersion')), response);
    else {
      const items = [...this.#slices.values()];
      const metadata = { resourceVersion: String(this.#version) };
      response.end(JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items }));
    }
  }

  #watch(from: number, response: http.ServerResponse): void {
    if (from < this.#oldest) {
      response.end(`${JSON.stringify(GONE)}\n`);
      return;
    }
    response.flushHeaders();
    this.#watches.add(response);
    response.on('close', () => this.#watches.delete(response));
    for (const { version, event } of this.#history) {
      if (version > from) response.write(`${JSON.stringify(event)}\n`);
    }
  }
}

const GONE = { type: 'ERROR', object: { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 } };
