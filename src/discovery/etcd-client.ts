import { readFileSync } from 'node:fs';
import type http from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { ETCD_PASSWORD_VARIABLE, type EtcdAddress } from '../config/source.ts';
import { LAZILY } from '../core/lazily.ts';

/** Longest wait for an answer. */
const ANSWER_LIMIT_MS = 5_000;
/** A connection over which nothing comes is asked by the system whether it is still there. */
const KEEP_ALIVE_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const UNAUTHORIZED = 401;

/** A pair of etcd, its texts decoded. */
export interface KeyValue {
  readonly key: string;
  /** Empty for one that was deleted. */
  readonly value: string;
}

export interface Listing {
  /** Of the whole store, when it was read. */
  readonly revision: bigint;
  readonly pairs: readonly KeyValue[];
}

export interface WatchObserver {
  onEvent(kind: 'put' | 'delete', pair: KeyValue, revision: bigint): void;
  /** Everything that came together has been told. */
  onTold(): void;
  /** It is over: nothing more is told. @param isCompacted what it was to begin with is known no longer */
  onEnd(reason: string, isCompacted: boolean): void;
}

/** What etcd's gateway answers, as far as it is read. */
interface GatewayAnswer {
  readonly header?: { readonly revision?: string };
  readonly kvs?: readonly { readonly key: string; readonly value?: string }[];
  readonly ID?: string;
  readonly TTL?: string;
  readonly token?: string;
  readonly error?: unknown;
  readonly message?: string;
  readonly result?: WatchAnswer;
}

interface WatchAnswer extends GatewayAnswer {
  readonly canceled?: boolean;
  readonly cancel_reason?: string;
  readonly compact_revision?: string;
  readonly events?: readonly {
    readonly type?: 'PUT' | 'DELETE';
    readonly kv: { readonly key: string; readonly value?: string; readonly mod_revision: string };
  }[];
}

/** The v3 API of etcd through its JSON gateway. After a failure the next member of the cluster is asked. */
export class EtcdClient {
  readonly #address: EtcdAddress;
  readonly #agent: http.Agent;
  readonly #streams = new Set<http.ClientRequest>();
  #member = 0;
  /** What a user is let in by; null = not asked for yet. */
  #token: string | null = null;

  /** @throws Error where a file of its certificates cannot be read */
  constructor(address: EtcdAddress) {
    this.#address = address;
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    const read = (path: string | null): { pem?: Buffer } => (path === null ? {} : { pem: readFileSync(path) });
    const [ca, cert, key] = [address.ca, address.cert, address.key].map((path) => read(path).pem);
    this.#agent = address.isTls
      ? new LAZILY.https.Agent({ ...options, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) })
      : new LAZILY.http.Agent(options);
  }

  /** All pairs whose keys begin so. */
  async list(prefix: string): Promise<Listing> {
    const { header, kvs = [] } = await this.#call('/v3/kv/range', rangeOf(prefix));
    const pairs = kvs.map(({ key, value = '' }) => ({ key: decoded(key), value: decoded(value) }));
    return { revision: BigInt(header?.revision ?? 0), pairs };
  }

  /** @returns the lease's id */
  async grant(ttlSeconds: number): Promise<string> {
    const { ID } = await this.#call('/v3/lease/grant', { TTL: ttlSeconds });
    if (ID === undefined) throw new Error('etcd granted no lease');
    return ID;
  }

  /** @returns whether the lease is still there */
  async keepAlive(lease: string): Promise<boolean> {
    const { result } = await this.#call('/v3/lease/keepalive', { ID: lease });
    return Number(result?.TTL ?? 0) > 0;
  }

  async revoke(lease: string): Promise<void> {
    await this.#call('/v3/lease/revoke', { ID: lease });
  }

  async put(key: string, value: string, lease: string): Promise<void> {
    await this.#call('/v3/kv/put', { key: encoded(key), value: encoded(value), lease });
  }

  /** Tells what changes from a revision on. @returns ends it; nothing is told from then on */
  watch(prefix: string, from: bigint, observer: WatchObserver): () => void {
    let isOver = false;
    const end = (reason: string, isCompacted: boolean): void => {
      if (isOver) return;
      isOver = true;
      request.destroy();
      this.#streams.delete(request);
      this.#nextMember();
      observer.onEnd(reason, isCompacted);
    };
    const body = { create_request: { ...rangeOf(prefix), start_revision: String(from) } };
    const request = this.#request('/v3/watch', body, (response) => {
      const decoder = new StringDecoder('utf8');
      let rest = '';
      response.on('data', (bytes: Buffer) => {
        const lines = (rest + decoder.write(bytes)).split('\n');
        rest = lines.pop()!;
        if (rest.length > MAX_ANSWER_BYTES) end('its answer is too long', false);
        for (const line of lines) if (!isOver && line !== '') this.#watched(line, observer, end);
        if (!isOver) observer.onTold();
      });
      response.on('end', () => end(rest === '' ? 'the watch has ended' : failureText(rest), false));
      response.on('error', (error) => end(error.message, false));
    });
    this.#streams.add(request);
    request.on('error', (error) => end(error.message, false));
    return () => {
      isOver = true;
      this.#streams.delete(request);
      request.destroy();
    };
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
    this.#agent.destroy();
  }

  #watched(line: string, observer: WatchObserver, end: (reason: string, isCompacted: boolean) => void): void {
    let answer: GatewayAnswer;
    try {
      answer = JSON.parse(line) as GatewayAnswer;
    } catch {
      end('it answers what is no JSON', false);
      return;
    }
    const { result } = answer;
    if (result === undefined) {
      // A token of before a restart, perhaps.
      this.#token = null;
      end(failureText(line), false);
      return;
    }
    for (const { type = 'PUT', kv } of result.events ?? []) {
      const pair = { key: decoded(kv.key), value: decoded(kv.value ?? '') };
      observer.onEvent(type === 'DELETE' ? 'delete' : 'put', pair, BigInt(kv.mod_revision));
    }
    if (result.canceled) {
      const isCompacted = BigInt(result.compact_revision ?? 0) > 0n;
      end(result.cancel_reason ?? (isCompacted ? 'compacted' : 'canceled'), isCompacted);
    }
  }

  async #call(path: string, body: object): Promise<GatewayAnswer> {
    const { user } = this.#address;
    if (user !== null && this.#token === null) await this.#logIn(user);
    try {
      return await this.#post(path, body);
    } catch (error) {
      if (user === null || !(error instanceof Refusal) || error.status !== UNAUTHORIZED) throw error;
      await this.#logIn(user);
      return await this.#post(path, body);
    }
  }

  async #logIn(name: string): Promise<void> {
    this.#token = null;
    const password = process.env[ETCD_PASSWORD_VARIABLE] ?? '';
    const { token = null } = await this.#post('/v3/auth/authenticate', { name, password });
    this.#token = token;
  }

  #post(path: string, body: object): Promise<GatewayAnswer> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        clearTimeout(timer);
        // What it refuses the others would refuse, too.
        if (!(error instanceof Refusal)) this.#nextMember();
        request.destroy();
        reject(error);
      };
      const request = this.#request(path, body, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES) fail(new Error('its answer is too long'));
        });
        response.on('error', fail);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode !== 200) {
            fail(refusalOf(response.statusCode!, text));
            return;
          }
          clearTimeout(timer);
          try {
            resolve(JSON.parse(text) as GatewayAnswer);
          } catch {
            reject(new Error('it answers what is no JSON'));
          }
        });
      });
      const timer = setTimeout(() => fail(new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`)), ANSWER_LIMIT_MS);
      request.on('error', fail);
    });
  }

  #request(path: string, body: object, onResponse: (response: http.IncomingMessage) => void): http.ClientRequest {
    const { endpoints, isTls } = this.#address;
    const url = `${isTls ? 'https' : 'http'}://${endpoints[this.#member % endpoints.length]}${path}`;
    const text = JSON.stringify(body);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(this.#token !== null && { authorization: this.#token }),
    };
    const request = (isTls ? LAZILY.https : LAZILY.http).request(
      url,
      { method: 'POST', agent: this.#agent, headers },
      onResponse,
    );
    request.end(text);
    return request;
  }

  #nextMember(): void {
    this.#member = (this.#member + 1) % this.#address.endpoints.length;
  }
}

/** It has answered, and does not do what it was asked. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A member without a leader, say, is not to be asked again at once: that is no refusal, but a failure. */
function refusalOf(status: number, text: string): Error {
  return status >= 500 ? new Error(failureText(text)) : new Refusal(status, failureText(text));
}

function failureText(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as GatewayAnswer;
    const inner = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
    return String(message ?? inner ?? 'it refuses');
  } catch {
    return text.slice(0, 200).trim() || 'it refuses';
  }
}

/** Keys are bytes: the end is the prefix with its last byte one higher. */
function rangeOf(prefix: string): { key: string; range_end: string } {
  const end = Buffer.from(prefix);
  end[end.length - 1]!++;
  return { key: encoded(prefix), range_end: end.toString('base64') };
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
