import { PassThrough } from 'node:stream';
import type { ResolvedOptions } from '../../src/config/options.ts';
import type { SupervisorSurroundings } from '../../src/supervision/assembly.ts';

/** The real balancer thread, with a way to die: see the script. */
export const MORTAL: URL = new URL('../../../test/fixtures/fakes/mortal-balancer.mjs', import.meta.url);

/** What a supervisor within a test's own process is given; nobody reads what it and its workers write. */
export function surroundingsOf(options: ResolvedOptions, balancerScript: URL): SupervisorSurroundings {
  return {
    balancerScript,
    preload: new URL('../../src/worker/preload.cjs', import.meta.url),
    stdout: new PassThrough().resume(),
    stderr: new PassThrough().resume(),
    activated: [],
    reread: async () => options,
    version: '0.0.0',
  };
}
