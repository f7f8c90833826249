import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPair } from './certificates.ts';
import type { Cleanup } from './cleanup.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

/** For one that is reached by TLS, and lets in only who has a certificate of the same authority. PEM. */
export interface EtcdTls {
  readonly ca: string;
  readonly server: KeyPair;
  readonly client: KeyPair;
}

/** A real etcd on loopback (Debian's `etcd-server`), with what it keeps in a folder that outlives its process. */
export class EtcdProcess {
  readonly port: number;
  readonly #peerPort: number;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'eve-'));
  readonly #tls: EtcdTls | null;
  #child: ChildProcess | null = null;

  private constructor(test: Cleanup, port: number, peerPort: number, tls: EtcdTls | null) {
    this.port = port;
    this.#peerPort = peerPort;
    this.#tls = tls;
    test.after(async () => {
      await this.kill();
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  static async start(test: Cleanup, tls: EtcdTls | null = null): Promise<EtcdProcess> {
    const etcd = new EtcdProcess(test, await freePort(), await freePort(), tls);
    await etcd.start();
    return etcd;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Where a file of its certificates is: `ca.pem`, `client.pem`, `client.key`. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  async start(): Promise<void> {
    const url = `${this.#tls === null ? 'http' : 'https'}://${this.address}`;
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const args = [
      ...['--name=one', `--data-dir=${join(this.#folder, 'data')}`, '--unsafe-no-fsync'],
      ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=one=${peer}`],
      ...this.#secured(),
    ];
    this.#child = spawn('etcd', args, { stdio: 'ignore' });
    await until('etcd to answer', () => this.call('/v3/kv/range', { key: encoded('x') }).catch(() => null));
  }

  #secured(): string[] {
    if (this.#tls === null) return [];
    const { ca, server, client } = this.#tls;
    const files = { 'ca.pem': ca, 'server.pem': server.cert, 'server.key': server.key };
    const own = { 'client.pem': client.cert, 'client.key': client.key };
    for (const [name, text] of Object.entries({ ...files, ...own })) writeFileSync(this.file(name), text);
    return [
      ...[`--cert-file=${this.file('server.pem')}`, `--key-file=${this.file('server.key')}`],
      ...[`--trusted-ca-file=${this.file('ca.pem')}`, '--client-cert-auth'],
    ];
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async put(key: string, value: string): Promise<void> {
    await this.call('/v3/kv/put', { key: encoded(key), value: encoded(value) });
  }

  async delete(key: string): Promise<void> {
    await this.call('/v3/kv/deleterange', { key: encoded(key) });
  }

  /** Pairs under a prefix. */
  async list(prefix: string): Promise<Record<string, string>> {
    const end = Buffer.from(prefix);
    end[end.length - 1]!++;
    const { kvs = [] } = await this.call('/v3/kv/range', { key: encoded(prefix), range_end: end.toString('base64') });
    return Object.fromEntries(kvs.map(({ key, value }) => [decoded(key), decoded(value)]));
  }

  /** Forgets all revisions but the last. */
  async compact(): Promise<void> {
    const { header } = await this.call('/v3/kv/range', { key: encoded('x') });
    await this.call('/v3/kv/compaction', { revision: header.revision, physical: true });
  }

  async leases(): Promise<string[]> {
    const { leases = [] } = await this.call('/v3/lease/leases', {});
    return leases.map(({ ID }) => ID);
  }

  async revoke(lease: string): Promise<void> {
    await this.call('/v3/lease/revoke', { ID: lease });
  }

  get #way(): { scheme: 'http' | 'https'; options: https.RequestOptions } {
    const options = { method: 'POST', agent: false } as const;
    if (this.#tls === null) return { scheme: 'http', options };
    return { scheme: 'https', options: { ...options, ca: this.#tls.ca, ...this.#tls.client } };
  }

  call(path: string, body: object): Promise<EtcdAnswer> {
    return new Promise((resolve, reject) => {
      const { options, scheme } = this.#way;
      const { request: requested } = scheme === 'https' ? https : http;
      const request = requested(`${scheme}://${this.address}${path}`, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as EtcdAnswer);
          else reject(new Error(text));
        });
        response.on('error', reject);
      });
      request.on('error', reject);
      request.setTimeout(5_000, () => request.destroy(new Error('no answer')));
      request.end(JSON.stringify(body));
    });
  }
}

interface EtcdAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly { readonly key: string; readonly value: string }[];
  readonly leases?: readonly { readonly ID: string }[];
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
