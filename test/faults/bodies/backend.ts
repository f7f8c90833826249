import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../../src/control/control-target.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { controlOf } from '../../support/control.ts';
import { APPS, EvenerProcess, isRunning } from '../../support/evener-process.ts';
import { freePort } from '../../support/free-port.ts';
import { ServerProcess } from '../../support/server-process.ts';
import { until } from '../../support/until.ts';

/** The app of the bodies. */
const APP = fileURLToPath(new URL('app.js', import.meta.url));
const SECRETS = join(APPS, '../certificates/localhost');

/** Processes that run the app, with Evener in front of them, and what is done to them. */
export interface Backend {
  readonly evener: EvenerProcess;
  readonly url: string;
  /** Servers, rather than workers. */
  readonly isRemote: boolean;
  /** How many may be stopped or killed. */
  readonly members: number;
  stop(member: number): Promise<void>;
  resume(member: number): void;
  /** Resolves when there is another in its place. @param onDeath is called when it is killed */
  kill(member: number, onDeath: () => void): Promise<void>;
  /** Resolves when it is done. */
  reload(): Promise<void>;
}

/** Two workers over the link. */
export async function workers(rig: Cleanup, file: string, threads: number, app: string = APP): Promise<Backend> {
  const evener = new EvenerProcess(rig, [app, '-w', '2', '-p', '0', '--threads', String(threads)], {
    env: { DELIVERIES: file },
  });
  const url = await evener.url(2);
  const control = await controlOf(evener);
  const ready = async (): Promise<number[]> => {
    const { workers } = await control.get<Status>('/status');
    return workers.flatMap(({ state, pid }) => (state === 'ready' && pid !== null ? pid : []));
  };
  const pidOf = async (member: number): Promise<number> => {
    const pids = await until('two workers', async () => {
      const both = await ready();
      return both.length === 2 ? both : null;
    });
    return pids[member]!;
  };
  let stopped = 0;
  return {
    evener,
    url,
    isRemote: false,
    members: 2,
    stop: async (member) => {
      stopped = await pidOf(member);
      process.kill(stopped, 'SIGSTOP');
      rig.after(() => isRunning(stopped) && process.kill(stopped, 'SIGCONT'));
    },
    resume: () => process.kill(stopped, 'SIGCONT'),
    kill: async (member, onDeath) => {
      const pid = await pidOf(member);
      onDeath();
      process.kill(pid, 'SIGKILL');
      await until('another in its place', async () => {
        const pids = await ready();
        return pids.length === 2 && !pids.includes(pid);
      });
    },
    reload: async () => {
      const done = evener.count(/reload done/);
      evener.kill('SIGHUP');
      await evener.saidTimes(/reload done/, done + 1);
    },
  };
}

/** Three servers, of which reloads take the last one out and in again. @param folder for the config file */
export async function servers(
  rig: Cleanup,
  folder: string,
  file: string,
  isSecure: boolean,
  app: string = APP,
): Promise<Backend> {
  const env = { DELIVERIES: file, ...(isSecure ? { SECRETS } : {}) };
  const three = await Promise.all(['a', 'b', 'c'].map((name) => ServerProcess.start(rig, name, env, app)));
  const config = join(folder, 'bodies.config.json');
  const listen = await freePort();
  const addresses = three.map(({ port }) => `${isSecure ? 'https' : 'http'}://localhost:${port}`);
  const write = (servers: readonly string[]): void => {
    const tls = isSecure ? { tls: { ca: `${SECRETS}.cert.pem` } } : {};
    writeFileSync(config, JSON.stringify({ pools: { bodies: { servers, listen: `127.0.0.1:${listen}`, ...tls } } }));
  };
  write(addresses);
  const evener = new EvenerProcess(rig, ['--config', config]);
  let isShort = false;
  return {
    evener,
    url: await evener.url(0),
    isRemote: true,
    members: 2,
    stop: async (member) => three[member]!.signal('SIGSTOP'),
    resume: (member) => three[member]!.signal('SIGCONT'),
    kill: async (member, onDeath) => {
      onDeath();
      await three[member]!.kill();
      await three[member]!.start(env);
    },
    reload: async () => {
      isShort = !isShort;
      write(isShort ? addresses.slice(0, 2) : addresses);
      const done = evener.count(/reload done|reloaded/);
      evener.kill('SIGHUP');
      await until(
        () => `a reload in:\n${evener.stderr}`,
        () => evener.count(/reload done|reloaded/) > done,
      );
    },
  };
}
