import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from '../support/cleanup.ts';
import { EvenerProcess, isRunning } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

/** What was measured, in the order in which it is told. */
export type Figures = Readonly<Record<string, string | number>>;

/** One promise of the failure table: makes the failure happen on real processes, counts what clients saw. */
export interface Scenario {
  /** Short, for the command line: `kill-one`. */
  readonly name: string;
  /** What happens. */
  readonly event: string;
  /** What the user is promised. */
  readonly promise: string;
  /** @throws when the promise is broken */
  run(rig: FaultRig): Promise<Figures>;
}

export interface FaultAppSettings {
  /** Options of the command. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Options that have no flag. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly launcher?: readonly string[];
}

/** The app `faults.cjs` under the real command. */
export interface FaultApp {
  readonly evener: EvenerProcess;
  readonly url: string;
  /** Pids of those that are ready, in the order in which they became so. */
  living(): number[];
  /** Ids of the POSTs that were begun, as often as they were. */
  begun(): string[];
}

/** What a scenario is run with; cleans up behind it. */
export class FaultRig implements Cleanup {
  readonly #cleanups: (() => unknown)[] = [];

  after(clean: () => unknown): void {
    this.#cleanups.push(clean);
  }

  async app(workers: number, settings: FaultAppSettings = {}): Promise<FaultApp> {
    const folder = mkdtempSync(join(tmpdir(), 'evener-faults-'));
    const file = join(folder, 'begun');
    const config = join(folder, 'evener.config.json');
    writeFileSync(config, JSON.stringify(settings.config ?? {}));
    const options = ['faults.cjs', '-w', String(workers), '--config', config, ...(settings.options ?? [])];
    const evener = new EvenerProcess(this, options, {
      env: { DELIVERIES: file, ...settings.env },
      ...(settings.launcher === undefined ? {} : { launcher: settings.launcher }),
    });
    this.after(() => rmSync(folder, { recursive: true, force: true }));
    const url = await evener.url(workers);
    return {
      evener,
      url,
      living: () => workerPids(evener).filter(isRunning),
      begun: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []),
    };
  }

  /** In reverse order; all of it, whatever fails. */
  async cleanUp(): Promise<void> {
    for (const clean of this.#cleanups.reverse()) {
      try {
        await clean();
      } catch {}
    }
  }
}

/** How long it takes until a condition holds. ms */
export async function timeUntil(what: string, condition: () => boolean | Promise<boolean>): Promise<number> {
  const startMs = performance.now();
  await until(what, condition, 60_000);
  return performance.now() - startMs;
}

export function ms(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}
