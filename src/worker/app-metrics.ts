import Module, { createRequire } from 'node:module';

/** What we use of prom-client's Registry. */
interface Registry {
  getMetricsAsArray(): object[];
  getMetricsAsJSON(): Promise<{ readonly name: string }[]> | { readonly name: string }[];
  registerMetric(metric: object): unknown;
}

interface PromClient {
  readonly register?: Registry;
  readonly Registry?: { readonly prototype: Registry };
}

/** Where prom-client's main module lies, whoever depends on it. */
const MAIN_MODULE = /[\\/]node_modules[\\/]prom-client[\\/]index\.js$/;

/** Loads every CommonJS module, whoever asks for it. Packages that hook into `require` put themselves around it. */
interface Loader {
  _load(request: string, ...more: unknown[]): unknown;
}

/**
 * The app's own metrics, where it uses prom-client: of its default registry, and of every other one. Nothing is loaded for
 * it, and nothing is done before the app has loaded prom-client itself.
 */
export class AppMetrics {
  readonly #cache = createRequire(import.meta.url).cache;
  /** Registries beside the default ones. Apps may make some that are not for long. */
  readonly #registries = new Set<WeakRef<Registry>>();
  readonly #known = new WeakSet<Registry>();
  readonly #clients = new Set<PromClient>();

  /**
   * Hears of prom-client as soon as it is loaded, so that no registry is missed. Not by Node's channels for that: with a
   * subscriber Node throws an app's error anew, and prints its own line where that of the app belongs.
   */
  watch(): void {
    const meet = (exports: unknown): void => this.#meet(exports);
    const loader = Module as unknown as Loader;
    const load = loader._load;
    loader._load = function _load(this: Loader, request, ...more) {
      const exports = load.call(this, request, ...more);
      if (request === 'prom-client' || MAIN_MODULE.test(request)) meet(exports);
      return exports;
    };
  }

  /** Looks whether prom-client has been loaded; by `import`, too, for it is a CommonJS module. */
  look(): void {
    for (const path in this.#cache) if (MAIN_MODULE.test(path)) this.#meet(this.#cache[path]?.exports);
  }

  /** JSON of a list of metrics, as prom-client writes them; empty when there are none. */
  async collect(): Promise<string> {
    this.look();
    const seen = new Set<object>();
    const metrics: object[] = [];
    for (const registry of this.#all()) {
      try {
        // A metric may be in several registries, and one merged of others has all of theirs.
        const fresh = new Set(registry.getMetricsAsArray().filter((metric) => !seen.has(metric)));
        for (const metric of fresh) seen.add(metric);
        const names = new Set([...fresh].map((metric) => (metric as { name?: unknown }).name));
        metrics.push(...(await registry.getMetricsAsJSON()).filter(({ name }) => names.has(name)));
      } catch {
        // A collect() of the app failed: its other registries are told of all the same.
      }
    }
    return metrics.length === 0 ? '' : JSON.stringify(metrics);
  }

  *#all(): Iterable<Registry> {
    for (const { register } of this.#clients) if (register !== undefined) yield register;
    for (const ref of this.#registries) {
      const registry = ref.deref();
      if (registry === undefined) this.#registries.delete(ref);
      else yield registry;
    }
  }

  #meet(exports: unknown): void {
    const client = exports as PromClient | null | undefined;
    if (typeof client?.Registry !== 'function' || this.#clients.has(client)) return;
    this.#clients.add(client);
    if (client.register !== undefined) this.#known.add(client.register);
    const { prototype } = client.Registry as { readonly prototype: Registry };
    const { registerMetric } = prototype;
    if (typeof registerMetric !== 'function') return;
    const note = (registry: Registry): void => {
      if (this.#known.has(registry)) return;
      this.#known.add(registry);
      this.#registries.add(new WeakRef(registry));
    };
    prototype.registerMetric = function (this: Registry, metric: object): unknown {
      note(this);
      return registerMetric.call(this, metric);
    };
  }
}
