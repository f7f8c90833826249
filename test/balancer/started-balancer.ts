import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Balancer } from '../../src/balancer/balancer.ts';
import { SessionTable } from '../../src/balancing/session-table.ts';
import { CHANNEL_VERSION, type FromBalancer } from '../../src/channel/messages.ts';
import type { AppOptions } from '../../src/config/options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { Meters } from '../../src/observability/meters.ts';
import { settingsOf } from '../../src/supervision/balancer-threads.ts';
import { APPS } from '../support/evener-process.ts';

export interface StartedBalancer {
  readonly balancer: Balancer;
  readonly meters: Meters;
  /** Name of its only app's. */
  readonly pool: AppOptions['name'];
  readonly linkPath: string;
  /** What it has told its supervisor. */
  readonly told: readonly FromBalancer[];
}

/** A balancer thread's balancer, in this process: the test is its supervisor. */
export async function startBalancer(
  context: TestContext,
  more: { queueTimeout?: string } = {},
): Promise<StartedBalancer> {
  const folder = mkdtempSync(join(tmpdir(), 'evb-'));
  const meters = new Meters(1);
  const options = resolveOptions({ name: 'app', app: 'server.cjs', cwd: APPS, port: 0, ...more });
  const told: FromBalancer[] = [];
  const linkPath = join(folder, 'link.sock');
  const birth = {
    version: CHANNEL_VERSION,
    thread: 0,
    threads: 1,
    linkPath,
    settings: settingsOf(options, meters),
    meter: meters.threads,
    sessions: SessionTable.memoryFor(1),
    secret: 'secret',
    activated: [],
    opened: new Map(),
  };
  const balancer = new Balancer(birth, (message) => void told.push(message));
  context.after(() => {
    balancer.close();
    rmSync(folder, { recursive: true });
  });
  await balancer.start(linkPath);
  return { balancer, meters, pool: options.apps[0]!.name, linkPath, told };
}
