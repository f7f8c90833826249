import { realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { WORKER_BIRTH_VARIABLE } from './channel/worker-birth.ts';
import { packageName } from './config/app.ts';
import { availableCores } from './config/available-cores.ts';
import { findConfigFile, findEcosystemFile, type LoadedFile, loadConfigFile } from './config/load-file.ts';
import type { EvenerOptions, ResolvedOptions } from './config/options.ts';
import { resolveSources } from './config/resolve.ts';
import { EvenerError } from './core/evener-error.ts';
import { lastingOutput } from './core/lasting-output.ts';
import { ownFile } from './core/own-files.ts';
import { activatedSockets } from './supervision/activated-sockets.ts';
import { Supervisor } from './supervision/supervisor.ts';
import { version } from './version.ts';

/** Options that somebody gave by hand, to be put before those of a config file. */
export interface OptionsRequest {
  readonly options: EvenerOptions;
  /** The config file; null = the one in the folder, if there is one. */
  readonly config: string | null;
}

export interface LoadedOptions {
  readonly options: ResolvedOptions;
  /** What of the config file has no meaning here, one sentence each. */
  readonly notes: readonly string[];
}

/** As it was when we started: what a link leads to may change later. */
const FOLDER = currentFolder();

/**
 * Reads the config file, puts the given options before it, and resolves both.
 * @throws EvenerError EVENER_CONFIG_INVALID, EVENER_APP_NOT_FOUND or EVENER_USAGE
 */
export async function loadOptions({ options, config }: OptionsRequest): Promise<LoadedOptions> {
  const folder = FOLDER;
  const given = { source: 'command line', options, folder };
  const hasApp = options.app !== undefined || options.servers !== undefined;
  const path = config ?? findConfigFile(folder) ?? (hasApp ? null : findEcosystemFile(folder));
  if (path === null && !hasApp) {
    throw new EvenerError('EVENER_USAGE', 'nothing to run: evener <script>, see evener --help');
  }
  const file: LoadedFile | null = path === null ? null : await loadConfigFile(resolve(folder, path));
  const sources =
    file === null
      ? [given]
      : [given, { source: basename(file.path), options: file.options, folder: dirname(file.path) }];
  const surroundings = { env: process.env, cores: availableCores, file: file?.path ?? null };
  return { options: resolveSources(sources, surroundings), notes: file?.notes ?? [] };
}

/**
 * A supervisor by these options, which a reload reads again.
 * @throws EvenerError as {@link loadOptions}; EVENER_USAGE in a worker, whose place it would take
 */
export async function loadSupervisor(
  request: OptionsRequest,
): Promise<{ readonly supervisor: Supervisor; readonly notes: readonly string[] }> {
  if (process.env[WORKER_BIRTH_VARIABLE] !== undefined) {
    throw new EvenerError(
      'EVENER_USAGE',
      'Evener runs already, and what it was told to run starts Evener again: ' +
        'run that without Evener, or let Evener run the script of the app itself',
    );
  }
  const { options, notes } = await loadOptions(request);
  const reread = async (): Promise<ResolvedOptions> => (await loadOptions(request)).options;
  return { supervisor: supervisorOf(options, reread), notes };
}

export function supervisorOf(options: ResolvedOptions, reread: () => Promise<ResolvedOptions>): Supervisor {
  return new Supervisor(options, {
    balancerScript: ownFile('balancer/main.js'),
    preload: ownFile('worker/preload.cjs'),
    stdout: lastingOutput(process.stdout),
    stderr: lastingOutput(process.stderr),
    version: version(),
    activated: activatedSockets(),
    reread,
  });
}

/**
 * The current folder by the name that the shell went there by: of a symlink to a release (`/srv/current`) the system
 * knows only the target, and a reload is to follow the link anew.
 */
function currentFolder(): string {
  const folder = process.cwd();
  const name = process.env.PWD;
  try {
    if (name !== undefined && name !== folder && realpathSync(name) === realpathSync(folder)) return name;
  } catch {
    // PWD may be of another process's time.
  }
  return folder;
}

/** What an instance that is started in this folder would be called; null where nothing says so. */
export async function nameHere(): Promise<string | null> {
  try {
    const { options } = await loadOptions({ options: {}, config: null });
    return options.name;
  } catch {
    return packageName(FOLDER);
  }
}
