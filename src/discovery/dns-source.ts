import { Resolver } from 'node:dns/promises';
import type { DnsAddress, Resolving, SrvAddress } from '../config/source.ts';
import type { ServerOptions } from '../config/upstream.ts';
import { type Rng, XorShift } from '../core/rng.ts';
import { retryDelayMs } from './retry.ts';
import type { Source, SourceObserver } from './source.ts';

const MIN_TTL_MS = 1_000;
const QUERY_TIMEOUT_MS = 2_000;
const TRIES = 2;
/** Highest weight that a server may have. */
const MAX_WEIGHT = 1_000;

/** Addresses of one name and family, and how long they hold. */
interface Answer {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

/**
 * Servers by their names: every address is one (A, AAAA), or every SRV record one for each address of its target. Asked for
 * anew when what was answered holds no longer. A name that is not there any more is a failure, too: an error at the
 * resolver looks the same, and whatever went for good will not answer its connections.
 */
export class DnsSource implements Source {
  readonly #address: DnsAddress | SrvAddress;
  readonly #defaults: ServerOptions;
  readonly #observer: SourceObserver;
  readonly #rng: Rng;
  /** By family and name: what was answered last. */
  #known = new Map<string, Answer>();
  /** The same of the round under way. */
  #fresh = new Map<string, Answer>();
  #timer: NodeJS.Timeout | null = null;
  #resolver: Resolver | null = null;
  #failures = 0;
  #isClosed = false;

  constructor(
    address: DnsAddress | SrvAddress,
    defaults: ServerOptions,
    observer: SourceObserver,
    rng: Rng = new XorShift(),
  ) {
    this.#address = address;
    this.#defaults = defaults;
    this.#observer = observer;
    this.#rng = rng;
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#resolver?.cancel();
  }

  async #look(): Promise<void> {
    const { resolver: address, maxTtlMs } = this.#address;
    // A new one each time: the machine's resolvers may be others by now.
    const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES });
    if (address !== null) resolver.setServers([address]);
    this.#resolver = resolver;
    let delayMs: number;
    this.#fresh = new Map();
    try {
      const { servers, ttlMs } = await this.#ask(resolver);
      if (this.#isClosed) return;
      this.#failures = 0;
      this.#known = this.#fresh;
      this.#observer.found(servers);
      delayMs = Math.min(maxTtlMs, Math.max(MIN_TTL_MS, ttlMs));
    } catch (error) {
      if (this.#isClosed) return;
      this.#observer.failed(reasonOf(error, this.#address.name));
      delayMs = retryDelayMs(++this.#failures, this.#rng);
    }
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }

  async #ask(resolver: Resolver): Promise<{ servers: ServerOptions[]; ttlMs: number }> {
    const place = this.#address;
    if (place.kind === 'dns') {
      const { addresses, ttlMs } = await this.#resolve(resolver, place.name, place);
      const servers = addresses.map((address) => this.#server(address, place.port, this.#defaults));
      return { servers, ttlMs };
    }
    const records = await resolver.resolveSrv(place.name);
    // "." says that the service is decidedly not there (RFC 2782).
    const targets = records.filter(({ name }) => name !== '' && name !== '.');
    const best = Math.min(...targets.map(({ priority }) => priority));
    // Records of one answer hold equally long, but Node does not say how long: their targets' addresses do.
    const answers = await Promise.all(targets.map(({ name }) => this.#resolve(resolver, name, place)));
    const servers = targets.flatMap(({ port, priority, weight }, i) => {
      // Weight 0 is for where there is nothing to choose: a small chance beside others (RFC 2782).
      const own = {
        ...this.#defaults,
        isBackup: this.#defaults.isBackup || priority > best,
        weight: Math.min(MAX_WEIGHT, Math.max(1, weight)),
      };
      return answers[i]!.addresses.map((address) => this.#server(address, port, own));
    });
    return { servers, ttlMs: Math.min(place.maxTtlMs, ...answers.map(({ ttlMs }) => ttlMs)) };
  }

  /** Both families; of one that cannot be asked for just now what it last answered. */
  async #resolve(resolver: Resolver, name: string, { family, maxTtlMs }: Resolving): Promise<Answer> {
    const families = ([4, 6] as const).filter((one) => family === 0 || family === one);
    const results = await Promise.allSettled(families.map((one) => query(resolver, name, one)));
    const answers: Answer[] = [];
    let error: unknown = null;
    let isAnswered = false;
    for (const [i, result] of results.entries()) {
      const key = `${families[i]} ${name}`;
      if (result.status === 'fulfilled') {
        isAnswered ||= result.value.addresses.length > 0;
        this.#fresh.set(key, result.value);
        answers.push(result.value);
        continue;
      }
      error ??= result.reason;
      const known = this.#known.get(key);
      if (known === undefined) continue;
      this.#fresh.set(key, known);
      answers.push({ ...known, ttlMs: MIN_TTL_MS });
    }
    if (!isAnswered) throw error ?? Object.assign(new Error(name), { code: 'ENODATA' });
    const addresses = answers.flatMap((answer) => answer.addresses);
    return { addresses, ttlMs: Math.min(maxTtlMs, ...answers.map(({ ttlMs }) => ttlMs)) };
  }

  #server(address: string, port: number, own: ServerOptions): ServerOptions {
    const { weight, isBackup, zone } = own;
    const host = address.includes(':') ? `[${address}]` : address;
    const scheme = this.#address.isTls ? 'https' : 'http';
    return { url: `${scheme}://${host}:${port}`, weight, isBackup, zone };
  }
}

/** No addresses of a family, where the name has others, are an answer. */
async function query(resolver: Resolver, name: string, family: 4 | 6): Promise<Answer> {
  try {
    const records =
      family === 4 ? await resolver.resolve4(name, { ttl: true }) : await resolver.resolve6(name, { ttl: true });
    // Resolvers turn them round to spread those who take the first.
    const addresses = records.map(({ address }) => address).sort();
    return { addresses, ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENODATA') return { addresses: [], ttlMs: Number.POSITIVE_INFINITY };
    throw error;
  }
}

function reasonOf(error: unknown, name: string): string {
  const { code = String(error), hostname = name } = error as NodeJS.ErrnoException & { hostname?: string };
  const meanings: Record<string, string> = {
    ENOTFOUND: `${hostname} is not there (NXDOMAIN)`,
    ENODATA: `${hostname} has no addresses`,
    ESERVFAIL: `the resolver cannot tell of ${hostname} (SERVFAIL)`,
    ETIMEOUT: 'the resolver does not answer',
    ECONNREFUSED: 'the resolver cannot be reached',
  };
  return meanings[code] ?? `${hostname}: ${code}`;
}
