import { delimiter } from 'node:path';
import {
  encodeWorkerBirth,
  nodeOptionsWith,
  preloadFlag,
  WORKER_BIRTH_VARIABLE,
  type WorkerBirth,
} from '../channel/worker-birth.ts';
import { ADMIN_TOKEN_VARIABLE } from '../config/admin.ts';
import type { AppOptions } from '../config/options.ts';
import { ETCD_PASSWORD_VARIABLE } from '../config/source.ts';
import type { ChildAddress } from './child-address.ts';

/** What is handed to `spawn` for one worker. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** An entry of {@link env}, `NAME=value`, that no other process begins with. */
  readonly mark: string;
  /** Whether it gets an ipc channel (`process.send`): only a script, a command would not know what to do with it. */
  readonly ipc: boolean;
}

/** What a service manager tells us, and would hear from a worker that took it for its own. */
const MANAGER_VARIABLES = [
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
];

/** Flags of our own Node that are about us alone, not about how apps should run. */
const OWN_FLAGS = /^(--inspect|--eval|--print|--check|--interactive|--input-type|--test|--watch|--import|-[epci]$)/;

/**
 * A script gets the preload by a flag; a command gets it through NODE_OPTIONS, since the Node that listens may be
 * started by a shell that was started by a package manager.
 *
 * @param address of its own, for a program that is no Node; null = it has none
 */
export function workerCommand(
  options: AppOptions,
  birth: WorkerBirth,
  preload: URL,
  address: ChildAddress | null = null,
): WorkerCommand {
  const { app } = options;
  const env: Record<string, string | undefined> = { ...options.env };
  env.EVENER_WORKER_ID = String(birth.slot);
  env.NODE_APP_INSTANCE = String(birth.slot);
  // Ours, and none of the app's business.
  delete env[ADMIN_TOKEN_VARIABLE];
  delete env[ETCD_PASSWORD_VARIABLE];
  for (const name of MANAGER_VARIABLES) delete env[name];
  if (options.port !== null) env.PORT = String(options.port);
  if (address !== null) Object.assign(env, address.env);
  const flags = [...inheritedFlags(process.execArgv), ...options.nodeArgs];
  if (options.protocol === 'http') {
    // Whatever Node it may start is none of ours, and must not serve in its place.
    const [[name, value] = ['', '']] = Object.entries(address?.env ?? {});
    const facts = { cwd: app.cwd, env: withNeighbours(app.file, env), mark: `${name}=${value}`, ipc: false };
    // A script is Node's all the same, which listens where our preload does not reach.
    if (app.form === 'script') return { file: process.execPath, args: [...flags, app.file, ...app.args], ...facts };
    return { file: app.file, args: app.args, ...facts };
  }
  env[WORKER_BIRTH_VARIABLE] = encodeWorkerBirth(birth);
  const mark = `${WORKER_BIRTH_VARIABLE}=${env[WORKER_BIRTH_VARIABLE]}`;
  if (app.form === 'script') {
    const args = [...flags, ...preloadFlag(preload), app.file, ...app.args];
    return { file: process.execPath, args, cwd: app.cwd, env, mark, ipc: true };
  }
  env.NODE_OPTIONS = nodeOptionsWith(preload, env.NODE_OPTIONS);
  return { file: app.file, args: app.args, cwd: app.cwd, env: withNeighbours(app.file, env), mark, ipc: false };
}

/** A command found in node_modules/.bin may start its neighbours by name, as npm's scripts do. */
function withNeighbours(file: string, env: Record<string, string | undefined>): Record<string, string | undefined> {
  if (!file.includes('/node_modules/.bin/')) return env;
  return { ...env, PATH: `${file.slice(0, file.lastIndexOf('/'))}${delimiter}${env.PATH ?? ''}` };
}

/** Flags such as `--max-old-space-size=400` given to the Node that runs us are meant for the app. */
function inheritedFlags(flags: readonly string[]): string[] {
  return flags.filter((flag) => flag.startsWith('-') && !OWN_FLAGS.test(flag) && !needsNext(flag));
}

/** `-r hooks.js` and the like come in two words; neither is passed on. */
function needsNext(flag: string): boolean {
  return /^(-r|-C|--require|--loader|--experimental-loader|--conditions|--env-file)$/.test(flag);
}
