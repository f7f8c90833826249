import { fileURLToPath } from 'node:url';

/**
 * What the supervisor tells a worker through its environment, so that the preload can dial in.
 *
 * It travels in one variable because a package command (`npm start`) puts shells and package managers between us and
 * the process that listens. The preload takes it out of `process.env` as soon as it can: at once where it was put into
 * the process that runs the script, at the first `listen()` for clients where it had to travel.
 */
export const WORKER_BIRTH_VARIABLE = 'EVENER_LINK';

export interface WorkerBirth {
  readonly version: number;
  readonly slot: number;
  readonly worker: number;
  /** Proves to a balancer thread that this process was started by its supervisor. One process may use it. 32 hex digits. */
  readonly token: string;
  /** Unix sockets of the balancer threads, in order. */
  readonly linkPaths: readonly string[];
  /** True where the variable has to reach a process further down (a package command). */
  readonly travels: boolean;
}

/**
 * The flag by which Node loads the preload before the app. With `--import` it would load the app's entry point as it does
 * modules, too: without the hooks of `--require ts-node/register` and the like.
 */
export function preloadFlag(preload: URL): readonly [flag: string, value: string] {
  return ['--require', fileURLToPath(preload)];
}

/** NODE_OPTIONS with the preload behind what the user has there. */
export function nodeOptionsWith(preload: URL, options: string | undefined): string {
  const own = nodeOption(preload);
  return options === undefined || options === '' ? own : `${options} ${own}`;
}

/** What the user has in them; undefined = nothing. */
export function nodeOptionsWithout(preload: URL, options: string | undefined): string | undefined {
  const own = nodeOption(preload);
  if (options === undefined || options === own) return undefined;
  return options.endsWith(` ${own}`) ? options.slice(0, -own.length - 1) : options;
}

/** A word of NODE_OPTIONS ends at a space, unless it stands in quotes. */
function nodeOption(preload: URL): string {
  const [flag, value] = preloadFlag(preload);
  return /[\s"\\]/.test(value) ? `${flag} "${value.replace(/["\\]/g, '\\$&')}"` : `${flag} ${value}`;
}

export function encodeWorkerBirth(birth: WorkerBirth): string {
  return JSON.stringify(birth);
}

/** null when the text is not a birth of this version. */
export function decodeWorkerBirth(text: string | undefined): WorkerBirth | null {
  if (text === undefined) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const birth = value as Partial<WorkerBirth>;
  const valid =
    typeof birth.version === 'number' &&
    typeof birth.slot === 'number' &&
    typeof birth.worker === 'number' &&
    typeof birth.token === 'string' &&
    /^[0-9a-f]{32}$/.test(birth.token) &&
    Array.isArray(birth.linkPaths) &&
    birth.linkPaths.every((path) => typeof path === 'string') &&
    typeof birth.travels === 'boolean';
  return valid ? (birth as WorkerBirth) : null;
}

/**
 * The file by which a worker and a balancer thread tell each other how far requests have got: made by the worker before
 * it dials in, and known to both by their descriptors alone afterwards. See `src/transports/stream-ledger.ts`.
 */
export function ledgerPath(linkPath: string, worker: number): string {
  return `${linkPath}.${worker}`;
}
