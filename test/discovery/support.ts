import type { ServerOptions } from '../../src/config/upstream.ts';
import type { SourceObserver } from '../../src/discovery/source.ts';
import { until } from '../support/until.ts';

export const DEFAULTS: ServerOptions = Object.freeze({ url: 'source:', weight: 1, isBackup: false, zone: '' });

/** What a source has told. */
export class Told implements SourceObserver {
  servers: readonly ServerOptions[] | null = null;
  /** null = it works. */
  error: string | null = null;
  readonly errors: string[] = [];
  times = 0;

  found(servers: readonly ServerOptions[], trouble: string | null = null): void {
    this.servers = servers;
    this.error = trouble;
    this.times++;
  }

  failed(reason: string): void {
    this.error = reason;
    this.errors.push(reason);
  }

  get urls(): string[] {
    return (this.servers ?? []).map(({ url }) => url);
  }

  /** Waits until exactly these are the servers, in any order. */
  async names(...urls: string[]): Promise<void> {
    const wanted = [...urls].sort().join(' ');
    await until(
      () => `${wanted}; last ${this.urls.join(' ')}; error ${this.error}`,
      () => this.servers !== null && [...this.urls].sort().join(' ') === wanted,
    );
  }

  async fails(pattern: RegExp): Promise<void> {
    await until(
      () => `${pattern}; last ${this.error}`,
      () => this.error !== null && pattern.test(this.error),
    );
  }

  async works(): Promise<void> {
    await until(
      () => `no error; last ${this.error}`,
      () => this.error === null && this.servers !== null,
    );
  }
}
