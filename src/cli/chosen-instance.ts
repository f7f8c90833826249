import { ControlFailure } from '../control/client.ts';
import { findInstances, type Instance } from '../control/instance.ts';
import { EvenerError } from '../core/evener-error.ts';
import { nameHere } from '../index.ts';
import type { VerbRequest } from './verb-arguments.ts';

/**
 * The instance that is meant: by its name or process id; else the one of this folder's name, else the one that was started
 * in this folder, else the only one that runs.
 *
 * @throws ControlFailure when there is none; EvenerError EVENER_USAGE when there are several
 */
export async function chosenInstance({ name, pid }: Pick<VerbRequest, 'name' | 'pid'>): Promise<Instance> {
  const all = await findInstances();
  const wanted = all.filter((one) => (name === null || one.name === name) && (pid === null || one.pid === pid));
  if (name !== null || pid !== null) {
    if (wanted.length > 0) return only(wanted);
    const asked = [name === null ? '' : `--name ${name}`, pid === null ? '' : `--pid ${pid}`].filter(Boolean).join(' ');
    throw new ControlFailure(
      'NOT_RUNNING',
      `nothing runs by ${asked}${all.length === 0 ? '' : `; there is ${list(all)}`}`,
    );
  }
  if (all.length === 0) throw new ControlFailure('NOT_RUNNING', 'nothing runs: start it with evener <script>');
  const here = await nameHere();
  for (const isMeant of [
    (one: Instance) => one.name === here && one.folder === process.cwd(),
    (one: Instance) => one.name === here,
    (one: Instance) => one.folder === process.cwd(),
  ]) {
    const meant = all.filter(isMeant);
    if (meant.length > 0) return only(meant);
  }
  return only(all);
}

function only(instances: readonly Instance[]): Instance {
  if (instances.length === 1) return instances[0]!;
  const isOneName = new Set(instances.map(({ name }) => name)).size === 1;
  const way = isOneName ? 'say which by --pid' : 'say which by --name';
  throw new EvenerError('EVENER_USAGE', `several instances run: ${way}: ${list(instances)}`);
}

function list(instances: readonly Instance[]): string {
  return instances.map(({ name, pid, folder }) => `${name} (pid ${pid}, in ${folder})`).join(', ');
}
