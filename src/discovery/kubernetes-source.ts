import type { KubernetesAddress } from '../config/source.ts';
import type { ServerOptions } from '../config/upstream.ts';
import { type Rng, XorShift } from '../core/rng.ts';
import { type EndpointSlice, serversOf } from './endpoint-slices.ts';
import { retryDelayMs } from './retry.ts';
import type { Source, SourceObserver } from './source.ts';

const PACKAGE = '@kubernetes/client-node';
/** Changes of several slices that come together are told as one. */
const SETTLE_MS = 50;

/** Of the official client, what is used of it. */
interface Informer {
  on(verb: 'add' | 'update' | 'delete', callback: (slice: EndpointSlice) => void): void;
  on(verb: 'error', callback: (error?: unknown) => void): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  list(): readonly EndpointSlice[];
}

interface Api {
  listNamespacedEndpointSlice(request: object): Promise<unknown>;
}

interface Client {
  readonly KubeConfig: new () => {
    loadFromDefault(): void;
    loadFromFile(path: string): void;
    setCurrentContext(name: string): void;
    makeApiClient(api: unknown): Api;
  };
  readonly DiscoveryV1Api: unknown;
  makeInformer(config: object, path: string, list: () => Promise<unknown>, labelSelector: string): Informer;
}

/** The EndpointSlices of a service, watched through Kubernetes' own client, which whoever uses this installs beside us. */
export class KubernetesSource implements Source {
  readonly #address: KubernetesAddress;
  readonly #defaults: ServerOptions;
  readonly #observer: SourceObserver;
  readonly #rng: Rng;
  #informer: Informer | null = null;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #settling: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(
    address: KubernetesAddress,
    defaults: ServerOptions,
    observer: SourceObserver,
    rng: Rng = new XorShift(),
  ) {
    this.#address = address;
    this.#defaults = defaults;
    this.#observer = observer;
    this.#rng = rng;
    void this.#start();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#settling !== null) clearTimeout(this.#settling);
    void this.#informer?.stop().catch(() => {});
  }

  async #start(): Promise<void> {
    try {
      const client = await loadClient();
      if (this.#isClosed) return;
      this.#informer = this.#inform(client);
    } catch (error) {
      // It does not come by itself: whoever installs it, or mends the file, reloads.
      if (!this.#isClosed) this.#observer.failed((error as Error).message);
      return;
    }
    this.#watch(this.#informer);
  }

  #inform({ KubeConfig, DiscoveryV1Api, makeInformer }: Client): Informer {
    const { namespace, service, kubeconfig, context } = this.#address;
    const config = new KubeConfig();
    if (kubeconfig === null) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
    if (context !== null) config.setCurrentContext(context);
    const api = config.makeApiClient(DiscoveryV1Api);
    const labelSelector = `kubernetes.io/service-name=${service}`;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const list = (): Promise<unknown> => api.listNamespacedEndpointSlice({ namespace, labelSelector });
    const informer = makeInformer(config, path, list, labelSelector);
    informer.on('add', () => this.#changed());
    informer.on('update', () => this.#changed());
    informer.on('delete', () => this.#changed());
    informer.on('error', (error) => this.#failed(error));
    return informer;
  }

  /**
   * Lists, then watches; an end of the watch without an error is followed by the next one, a revision that is gone by a
   * list. Resolves when the watch has begun, and also after an error, which it has told.
   */
  #watch(informer: Informer): void {
    informer.start().then(
      () => this.#changed(),
      (error: unknown) => this.#failed(error),
    );
  }

  #changed(): void {
    if (this.#isClosed || this.#settling !== null) return;
    this.#settling = setTimeout(() => {
      this.#settling = null;
      // What is known stays so while it is tried anew.
      if (this.#timer !== null) return;
      this.#failures = 0;
      this.#observer.found(serversOf(this.#informer!.list(), this.#address, this.#defaults));
    }, SETTLE_MS);
  }

  #failed(error: unknown): void {
    if (this.#isClosed || this.#timer !== null) return;
    this.#failures++;
    this.#observer.failed(reasonOf(error));
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#watch(this.#informer!);
      },
      retryDelayMs(this.#failures, this.#rng),
    );
  }
}

async function loadClient(): Promise<Client> {
  try {
    return (await import(PACKAGE)) as Client;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw new Error(`${PACKAGE} cannot be loaded: ${message}`);
    throw new Error(`it needs ${PACKAGE}: npm install ${PACKAGE}`);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the API server cannot be reached';
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const status = typeof code === 'number' ? code : statusCode;
  if (typeof status === 'number') return `the API server answers ${status}`;
  return error.message.split('\n', 1)[0]!;
}
