import { accessSync, constants, readFileSync, type Stats, statSync } from 'node:fs';
import { basename, delimiter, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { EvenerError } from '../core/evener-error.ts';

/** What a worker runs. */
export interface App {
  /** A script runs under Node with the preload; a command starts Node somewhere further down. */
  readonly form: 'script' | 'command';
  /** Absolute path of the script or of the command's executable. */
  readonly file: string;
  readonly args: readonly string[];
  /** Where relative paths start, and where it runs. Absolute. */
  readonly cwd: string;
  /** As the user wrote it. */
  readonly words: readonly string[];
}

export interface AppRequest {
  /** A script, or a command and its arguments. */
  readonly words: readonly string[];
  /** Arguments for the app. null = none are named apart from the words, of which all behind the first are the app's. */
  readonly args: readonly string[] | null;
  readonly cwd: string;
  /** PATH of the environment. */
  readonly path: string;
}

const SCRIPT_EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/**
 * Finds what to run: an existing file first, as Node would resolve it, then a command in `node_modules/.bin` of the
 * folder and of those above it, then one in PATH.
 *
 * @throws EvenerError EVENER_APP_NOT_FOUND with what was looked for and where; EVENER_USAGE for words behind a script.
 */
export function resolveApp({ words, args, cwd, path }: AppRequest): App {
  const [name, ...behind] = words as [string, ...string[]];
  const script = findScript(resolve(cwd, name));
  if (script !== null) {
    if (behind.length > 0 && args !== null) throw wordsBehindScript(words, args);
    return Object.freeze({ form: 'script', file: script, args: args ?? behind, cwd, words });
  }
  const file = findCommand(name, cwd, path);
  if (file === null) throw notFound(name, cwd);
  return Object.freeze({ form: 'command', file, args: [...behind, ...(args ?? [])], cwd, words });
}

/** The package.json name nearest to a folder; null when there is none. */
export function packageName(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    const name = readPackage(at)?.name;
    if (typeof name === 'string' && name !== '') return name;
    if (at === dirname(at)) return null;
  }
}

function findScript(path: string): string | null {
  if (isFile(path)) return isScript(path) ? path : null;
  for (const extension of SCRIPT_EXTENSIONS) {
    if (isFile(path + extension)) return path + extension;
  }
  return isFolder(path) ? mainOfFolder(path) : null;
}

function mainOfFolder(folder: string): string | null {
  const main = readPackage(folder)?.main;
  const candidates = typeof main === 'string' ? [main, `${main}.js`, join(main, 'index.js')] : [];
  for (const candidate of [...candidates, ...SCRIPT_EXTENSIONS.map((extension) => `index${extension}`)]) {
    if (isFile(resolve(folder, candidate))) return resolve(folder, candidate);
  }
  return null;
}

/** A file without one of Node's extensions is a script unless it is an executable for something other than Node. */
function isScript(path: string): boolean {
  if (SCRIPT_EXTENSIONS.includes(extname(path))) return true;
  if (!isExecutable(path)) return true;
  const start = readFileSync(path).subarray(0, 128).toString('latin1');
  return /^#!.*\bnode\b/.test(start);
}

function findCommand(name: string, cwd: string, path: string): string | null {
  if (name.includes('/')) return isExecutable(resolve(cwd, name)) ? resolve(cwd, name) : null;
  for (let at = cwd; ; at = dirname(at)) {
    const file = join(at, 'node_modules', '.bin', name);
    if (isExecutable(file)) return file;
    if (at === dirname(at)) break;
  }
  for (const folder of path.split(delimiter)) {
    if (folder !== '' && isExecutable(resolve(cwd, folder, name))) return resolve(cwd, folder, name);
  }
  return null;
}

function notFound(name: string, cwd: string): EvenerError {
  const looked = SCRIPT_EXTENSIONS.includes(extname(name))
    ? `no file ${resolve(cwd, name)}`
    : isAbsolute(name) || name.includes('/')
      ? `no script ${resolve(cwd, name)} (nor with ${SCRIPT_EXTENSIONS.join(', ')} or an index.js in it) and no executable there`
      : `no script ${join(cwd, name)} (nor with ${SCRIPT_EXTENSIONS.join(', ')} or an index.js in it), ` +
        `no command of that name in node_modules/.bin here or above, and none in PATH`;
  const message = `cannot find ${JSON.stringify(name)}: ${looked}${barText(resolve(cwd, name))}`;
  return new EvenerError('EVENER_APP_NOT_FOUND', message, { name, looked });
}

/** What keeps us from looking there, if it is more than that nothing is there. */
function barText(path: string): string {
  try {
    accessSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return ` (${message.slice(0, message.indexOf(','))})`;
  }
  return '';
}

function wordsBehindScript(words: readonly string[], args: readonly string[]): EvenerError {
  const [script, ...extra] = words;
  const appArgs = [...extra, ...args].join(' ');
  return new EvenerError(
    'EVENER_USAGE',
    `unexpected ${JSON.stringify(extra[0])} after the script ${basename(script!)}: ` +
      `arguments for the app go after --, as in: evener ${script} -- ${appArgs}`,
    { extra },
  );
}

function readPackage(folder: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isFile(path: string): boolean {
  return statOf(path)?.isFile() === true;
}

function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

/** null where there is nothing, or the way there is barred. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function isExecutable(path: string): boolean {
  if (!isFile(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
