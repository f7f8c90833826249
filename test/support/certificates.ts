import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

/** An authority of the test's own, and what it signs. Made by openssl, and valid for a day. */
export class TestAuthority {
  readonly cert: string;
  readonly #folder: string;
  #signed = 0;

  constructor(test: TestContext) {
    this.#folder = mkdtempSync(join(tmpdir(), 'evc-'));
    test.after(() => rmSync(this.#folder, { recursive: true, force: true }));
    this.#openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1');
    this.cert = this.#read('ca.pem');
  }

  /** @param names as in a certificate: `DNS:a.example`, `IP:127.0.0.1` */
  sign(...names: string[]): KeyPair {
    const name = `leaf${++this.#signed}`;
    writeFileSync(join(this.#folder, `${name}.ext`), `subjectAltName=${names.join(',')}\n`);
    const run = (...args: string[]) => execFileSync('openssl', args, { cwd: this.#folder, stdio: 'pipe' });
    run(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    run(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '1',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
    return { cert: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }

  #openssl(...args: string[]): void {
    const rest = ['-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem'];
    execFileSync('openssl', [...args, ...rest], { cwd: this.#folder, stdio: 'pipe' });
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), 'latin1');
  }
}
