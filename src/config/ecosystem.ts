import { resolve } from 'node:path';
import { EvenerError } from '../core/evener-error.ts';
import type { AppEntry, EvenerOptions } from './options.ts';

/** PM2's config file: `module.exports = { apps: [...] }`. */
export interface EcosystemFile {
  readonly apps: readonly unknown[];
}

/** Other names that PM2 takes for its keys. */
const ALIASES: Readonly<Record<string, string>> = {
  exec: 'script',
  exec_interpreter: 'interpreter',
  interpreterArgs: 'interpreter_args',
  out: 'out_file',
  output: 'out_file',
  out_log: 'out_file',
  error: 'error_file',
  err: 'error_file',
  err_file: 'error_file',
  err_log: 'error_file',
  log: 'log_file',
  user: 'uid',
  username: 'uid',
  pid: 'pid_file',
  cron: 'cron_restart',
};

/** Keys of an app that are carried over. */
const TRANSLATED: ReadonlySet<string> = new Set([
  'name',
  'script',
  'args',
  'cwd',
  'env',
  'env_production',
  'instances',
  'exec_mode',
  'max_memory_restart',
  'kill_timeout',
  'listen_timeout',
  'node_args',
  'interpreter',
  'interpreter_args',
  'wait_ready',
  'port',
]);

/** Settings that change nothing, where it is not `false`. */
const UNSET: Readonly<Record<string, unknown>> = {
  autorestart: true,
  autostart: true,
  vizion: true,
  treekill: true,
  pmx: true,
  instance_var: 'NODE_APP_INSTANCE',
};

/** Keys without a meaning here, and what to know instead. */
const MEANINGLESS: Readonly<Record<string, string>> = {
  watch: 'use --watch',
  ignore_watch: 'use --watch',
  watch_delay: 'use --watch',
  autostart: 'every app is started',
  autorestart: 'workers are always restarted',
  stop_exit_codes: 'workers are always restarted',
  max_restarts: 'restarts go on, with growing pauses; see --exit-on-crash-loop',
  min_uptime: 'restarts go on, with growing pauses; see --exit-on-crash-loop',
  restart_delay: 'pauses grow by themselves, from none to 30 s',
  exp_backoff_restart_delay: 'pauses grow by themselves, from none to 30 s',
  error_file: 'the output of workers goes to the output of Evener',
  out_file: 'the output of workers goes to the output of Evener',
  log_file: 'the output of workers goes to the output of Evener',
  pid_file: 'there is none; see evener status',
  merge_logs: 'the output of workers goes to the output of Evener',
  combine_logs: 'the output of workers goes to the output of Evener',
  log_date_format: 'lines are passed on as they are',
  time: 'lines are passed on as they are',
  cron_restart: 'use maxAge, or evener reload from cron',
  source_map_support: 'use node_args: --enable-source-maps',
  instance_var: 'NODE_APP_INSTANCE and EVENER_WORKER_ID are set',
  increment_var: 'NODE_APP_INSTANCE and EVENER_WORKER_ID are set',
  uid: 'start Evener as that user',
  gid: 'start Evener as that user',
  force: 'an app can be run as often as you like under other names',
  vizion: 'no version control is looked at',
  post_update: 'no version control is looked at',
  treekill: 'the whole tree of a worker is ended',
  shutdown_with_message: 'workers get SIGTERM',
  filter_env: 'the environment is passed on; set it where Evener is started',
  namespace: 'apps of one file are one instance',
};

/**
 * What a config file exports, if it is one of PM2's; null = it is none.
 * @param isOurs whether its name says that it is one of ours. PM2 takes a list of apps, or one alone, as well.
 */
export function ecosystemFile(value: unknown, isOurs: boolean): EcosystemFile | null {
  if (typeof value !== 'object' || value === null) return null;
  const { apps, script, exec } = value as { apps?: unknown; script?: unknown; exec?: unknown };
  const isOne = !isOurs && (script ?? exec) !== undefined;
  const list = isOne ? [value] : Array.isArray(value) && !isOurs ? value : apps;
  return Array.isArray(list) && list.length > 0 ? { apps: list } : null;
}

/**
 * Options for what a PM2 file says.
 * @param folder of the file
 * @throws EvenerError EVENER_CONFIG_INVALID for an app without a script, or one that is not for Node
 */
export function translateEcosystem(
  file: EcosystemFile,
  folder: string,
): { readonly options: EvenerOptions; readonly notes: readonly string[] } {
  const notes = new Set<string>();
  const apps: Record<string, AppEntry> = {};
  for (const [index, one] of file.apps.entries()) {
    const app: Record<string, unknown> = {};
    for (const [given, setting] of Object.entries(typeof one === 'string' ? { script: one } : (one as object))) {
      const key = ALIASES[given] ?? given;
      app[key] = setting;
      if (TRANSLATED.has(key) || /^env_/.test(key) || setting === (UNSET[key] ?? false)) continue;
      notes.add(`${given} has no meaning here: ${MEANINGLESS[key] ?? 'it is not known'}`);
    }
    const name = typeof app.name === 'string' ? app.name : `app-${index}`;
    const plainName = name.replace(/[^\w.@-]/g, '-');
    apps[plainName in apps ? `${plainName}-${index}` : plainName] = translateApp(app, name, folder);
  }
  return { options: { apps }, notes: [...notes] };
}

function translateApp(app: Readonly<Record<string, unknown>>, name: string, folder: string): AppEntry {
  if (typeof app.script !== 'string' || app.script === '') {
    throw new EvenerError(
      'EVENER_CONFIG_INVALID',
      `apps.${name}.script: expected a script, got ${JSON.stringify(app.script)}`,
      {
        key: `apps.${name}.script`,
      },
    );
  }
  const interpreter = app.interpreter ?? 'node';
  const cwd = resolve(folder, typeof app.cwd === 'string' ? app.cwd : '.');
  const flags = [...words(app.node_args), ...words(app.interpreter_args)];
  const isNode = interpreter === 'node' || interpreter === 'none';
  const memory = app.max_memory_restart;
  return {
    app: isNode ? [app.script] : [String(interpreter), ...flags, app.script],
    args: words(app.args),
    cwd,
    env: environment(app),
    workers: instances(app),
    nodeArgs: isNode ? flags : [],
    ...(memory === undefined
      ? {}
      : { maxMemory: typeof memory === 'string' ? memory.replace(/([KMG])$/i, '$1iB') : Number(memory) }),
    ...(app.kill_timeout === undefined ? {} : { drainLimit: Number(app.kill_timeout) }),
    ...(app.wait_ready === true ? { ready: 'message' } : {}),
    ...(app.listen_timeout === undefined ? {} : { bootTimeout: Number(app.listen_timeout) }),
    ...(app.port === undefined ? {} : { port: Number(app.port) }),
  };
}

/** In fork mode PM2 runs one; `max` and 0 are all cores, -1 all but one. */
function instances(app: Readonly<Record<string, unknown>>): number | string {
  const { instances: wanted } = app;
  if (wanted === undefined) return 1;
  if (wanted === 'max' || wanted === 0 || wanted === '0' || Number(wanted) < 0) return 'auto';
  return Number(wanted);
}

/** PM2 takes `env_<name>` by `--env <name>`; the name here is that of NODE_ENV. */
function environment(app: Readonly<Record<string, unknown>>): Record<string, string> {
  const named = process.env.NODE_ENV === undefined ? undefined : app[`env_${process.env.NODE_ENV}`];
  const entries = Object.entries({ ...(app.env as object | undefined), ...(named as object | undefined) });
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}

function words(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : [];
}
