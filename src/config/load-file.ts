import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { Jiti } from 'jiti';
import { durationText } from '../core/duration-text.ts';
import { EvenerError } from '../core/evener-error.ts';
import { ownFile } from '../core/own-files.ts';
import { ecosystemFile, translateEcosystem } from './ecosystem.ts';
import type { EvenerOptions } from './options.ts';

/** In the order in which they are looked for. */
const CONFIG_NAMES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'].map((extension) => `evener.config.${extension}`);
/** Of other programs' habits. Passed over without a word, what stands in them would be lost. */
const UNREAD_EXTENSIONS = ['yaml', 'yml', 'toml', 'json5', 'jsonc'];
const UNREAD_NAMES = UNREAD_EXTENSIONS.map((extension) => `evener.config.${extension}`);
const ECOSYSTEM_NAMES = ['js', 'cjs', 'mjs', 'json'].map((extension) => `ecosystem.config.${extension}`);

export interface LoadedFile {
  /** Absolute. */
  readonly path: string;
  readonly options: EvenerOptions;
  /** What of it has no meaning here, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * The config file of a folder; null when there is none.
 * @throws EvenerError EVENER_CONFIG_INVALID where there is only one that cannot be read
 */
export function findConfigFile(folder: string): string | null {
  const found = firstIn(folder, CONFIG_NAMES);
  const unread = found === null ? firstIn(folder, UNREAD_NAMES) : null;
  if (unread === null) return found;
  throw unreadable(unread, `it has to be one of ${CONFIG_NAMES.join(', ')}`);
}

/** PM2's config file of a folder; null when there is none. */
export function findEcosystemFile(folder: string): string | null {
  return firstIn(folder, ECOSYSTEM_NAMES);
}

/** A config file that is code may ask others for what it needs, and they may not answer. */
const SETTLE_LIMIT_MS = 30_000;

/**
 * Reads a config file. Read again, it is run again.
 * @param path absolute, or from the current folder
 * @param limitMs how long one that is code may take
 * @throws EvenerError EVENER_CONFIG_INVALID with the file, and the place in it where that is known
 */
export async function loadConfigFile(path: string, limitMs: number = SETTLE_LIMIT_MS): Promise<LoadedFile> {
  const file = resolve(path);
  if (!existsSync(file)) throw unreadable(file, 'there is no such file');
  const stats = statSync(file);
  if (stats.isDirectory()) throw unreadable(file, 'it is a folder');
  // Whoever opens a pipe waits for its writer, who may never come.
  if (!stats.isFile()) throw unreadable(file, 'it is no regular file');
  if (UNREAD_EXTENSIONS.includes(extname(file).slice(1))) {
    throw unreadable(file, `it has to be TypeScript, JavaScript or JSON, such as ${CONFIG_NAMES.join(', ')}`);
  }
  const value = extname(file) === '.json' ? await readJson(file) : await settled(file, runModule(file), limitMs);
  const ecosystem = ecosystemFile(value, CONFIG_NAMES.includes(basename(file)));
  if (ecosystem !== null) {
    const { options, notes } = translateEcosystem(ecosystem, dirname(file));
    return { path: file, options, notes };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable(
      file,
      'it has to export an object of options by default, as in: export default { app: "server.js" }',
    );
  }
  return { path: file, options: value, notes: [] };
}

async function readJson(file: string): Promise<unknown> {
  try {
    // Editors of Windows put a mark at the beginning, which Node's own require() leaves out as well.
    return JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (error) {
    throw unreadable(file, (error as Error).message, error);
  }
}

/** jiti runs TypeScript on any Node, and whatever a module imports anew each time. */
async function runModule(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(import.meta.url, {
    moduleCache: false,
    fsCache: false,
    interopDefault: true,
    virtualModules: { evener: await import(ownFile('index.js').href) },
  });
  try {
    const value = await exportOf(jiti, file);
    return typeof value === 'function' ? await (value as () => unknown)() : value;
  } catch (error) {
    if (error instanceof EvenerError) throw error;
    throw unreadable(file, error instanceof Error ? `${error.name}: ${error.message}` : String(error), error);
  }
}

/** Node keeps an ES module for good once it has run it. So it is run as a CommonJS module, unless it awaits at its top level. */
async function exportOf(jiti: Jiti, file: string): Promise<unknown> {
  try {
    return defaultOf(jiti(file));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const text = await readFile(file, 'utf8');
    return defaultOf(await jiti.evalModule(text, { filename: file, async: true, forceTranspile: true }));
  }
}

function defaultOf(module: unknown): unknown {
  return (module as { readonly default?: unknown } | null)?.default ?? module;
}

/** Without a limit what waits for nothing that could still happen would end the process without a word. */
async function settled<T>(file: string, value: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const reason = `what it waits for has not come within ${durationText(limitMs)}`;
    timer = setTimeout(() => reject(unreadable(file, reason)), limitMs);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

function unreadable(file: string, reason: string, cause?: unknown): EvenerError {
  return new EvenerError(
    'EVENER_CONFIG_INVALID',
    `${basename(file) || file} cannot be read: ${reason}`,
    { file, reason },
    { cause },
  );
}

function firstIn(folder: string, names: readonly string[]): string | null {
  const name = names.find((one) => existsSync(join(folder, one)));
  return name === undefined ? null : join(folder, name);
}
