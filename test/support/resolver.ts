import { type ChildProcess, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import type { Cleanup } from './cleanup.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

/** Debian's `dnsmasq-base`. It answers for `.test` only, and asks nobody else. */
const PROGRAM = 'dnsmasq';

/** What it ends with when it may not have its port: "a problem with network access", by its manual. */
const PORT_TAKEN = 2;

/** A real resolver on loopback, told its records on the command line: to change them it is started again. */
export class ResolverProcess {
  readonly port: number;
  #child: ChildProcess | null = null;

  private constructor(test: Cleanup, port: number) {
    this.port = port;
    test.after(() => this.stop());
  }

  static async start(test: Cleanup, records: readonly string[]): Promise<ResolverProcess> {
    for (;;) {
      const resolver = new ResolverProcess(test, await freePort());
      // Somebody else may have taken the port meanwhile, or have it for TCP, which it needs as well.
      if (await resolver.start(records)) return resolver;
    }
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /**
   * @param records `host-record=a.test,127.0.0.1,1` (the last is the TTL), `srv-host=name,target,port,priority,weight`
   * @returns false when it could not: its port is taken
   */
  async start(records: readonly string[]): Promise<boolean> {
    await this.stop();
    const args = [
      ...[
        '--keep-in-foreground',
        '--conf-file=/dev/null',
        '--no-resolv',
        '--no-hosts',
        '--bind-interfaces',
        '--pid-file=',
      ],
      ...[
        `--port=${this.port}`,
        '--listen-address=127.0.0.1',
        '--local=/test/',
        '--user=',
        '--group=',
        '--log-facility=-',
      ],
      ...['--host-record=there.test,127.0.0.1', ...records.map((record) => `--${record}`)],
    ];
    const child = spawn(PROGRAM, args, { stdio: 'ignore' });
    this.#child = child;
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([this.address]);
    await until(
      'the resolver to answer',
      async () => child.exitCode === PORT_TAKEN || (await resolver.resolve4('there.test').catch(() => null)),
    );
    return child.exitCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
