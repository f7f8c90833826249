import { isDeepStrictEqual } from 'node:util';
import type { AppOptions, ResolvedOptions } from '../config/options.ts';

/** What a reload has to do. Everything else of the new options is applied to what is there. */
export interface ReloadPlan {
  readonly added: readonly AppOptions[];
  /** Names of apps. */
  readonly removed: readonly string[];
  /** Names of apps whose workers are replaced. */
  readonly replaced: ReadonlySet<string>;
  /** Names of apps that shall have another number of workers. */
  readonly rescaled: readonly string[];
  /** Options that have changed and are looked at once, at the start. */
  readonly atNextStart: readonly string[];
}

const LOOKED_AT_ONCE = ['name', 'threads', 'exitOnCrashLoop', 'watch'] as const;

/**
 * Compares the options of before with those that were read again. Where limits, time-outs, policy, routes or numbers have
 * changed and nothing that a worker is born with, workers are left alone. Where nothing has changed they are replaced: then
 * it is new code that the reload is for.
 *
 * @param birthsOf what the workers of an app were born with: not what the options of before say, where a reload in between failed
 *   when some had been replaced
 * @param areLost those of before were taken back, and their workers may serve nowhere
 */
export function changesOf(
  before: ResolvedOptions,
  after: ResolvedOptions,
  birthsOf: (app: string) => Iterable<AppOptions> = () => [],
  areLost: boolean = false,
): ReloadPlan {
  const old = new Map(before.apps.map((app) => [app.name, app]));
  const kept = after.apps.filter((app) => old.has(app.name));
  const born = kept.filter((app) => {
    const births = new Set([old.get(app.name)!, ...birthsOf(app.name)]);
    return [...births].some((one) => !isDeepStrictEqual(birthOf(app), birthOf(one)));
  });
  const replacesAll = areLost || isDeepStrictEqual(factsOf(before), factsOf(after));
  return {
    added: after.apps.filter((app) => !old.has(app.name)),
    removed: [...old.keys()].filter((name) => !after.apps.some((app) => app.name === name)),
    replaced: new Set((replacesAll ? kept : born).map((app) => app.name)),
    rescaled: kept.filter((app) => !isDeepStrictEqual(app.workers, old.get(app.name)!.workers)).map((app) => app.name),
    atNextStart: LOOKED_AT_ONCE.filter((key) => before[key] !== after[key]),
  };
}

/** What a worker keeps from its start to its end. */
function birthOf({ app, env, port, nodeArgs, protocol, childAddress }: AppOptions): object {
  return { app, env: { ...env }, port, nodeArgs, protocol, childAddress };
}

/**
 * All that a config file says, but not the hook for incidents, which is another function each time that it is run, nor where
 * each value came from.
 */
function factsOf({ onIncident, origins, notify, ...rest }: ResolvedOptions): object {
  // Secrets hide what they are from comparisons, too.
  return { ...rest, notify: notify.map(({ url, key, ...more }) => [url.reveal(), key?.reveal(), more]) };
}
