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
}

/**
 * Compares the options of before with those that were read again. Where limits, time-outs, policy, routes or numbers have
 * changed and nothing that a worker is born with, workers are left alone. Where nothing has changed they are replaced: then
 * it is new code that the reload is for.
 */
export function changesOf(before: ResolvedOptions, after: ResolvedOptions): ReloadPlan {
  const old = new Map(before.apps.map((app) => [app.name, app]));
  const kept = after.apps.filter((app) => old.has(app.name));
  const born = kept.filter((app) => !isDeepStrictEqual(birthOf(app), birthOf(old.get(app.name)!)));
  const isSame = isDeepStrictEqual(factsOf(before), factsOf(after));
  return {
    added: after.apps.filter((app) => !old.has(app.name)),
    removed: [...old.keys()].filter((name) => !after.apps.some((app) => app.name === name)),
    replaced: new Set((isSame ? kept : born).map((app) => app.name)),
    rescaled: kept.filter((app) => !isDeepStrictEqual(app.workers, old.get(app.name)!.workers)).map((app) => app.name),
  };
}

/** What a worker keeps from its start to its end. */
function birthOf({ app, env, port, nodeArgs, protocol, childAddress }: AppOptions): object {
  return { app, env: { ...env }, port, nodeArgs, protocol, childAddress };
}

function factsOf({ apps, pools, notify, admin, accessLog }: ResolvedOptions): object {
  return { apps, pools, notify, admin, accessLog };
}
