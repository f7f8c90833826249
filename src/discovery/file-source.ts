import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FSWatcher } from 'chokidar';
import type { FileAddress } from '../config/source.ts';
import { readFoundServer, type ServerOptions } from '../config/upstream.ts';
import type { Source, SourceObserver } from './source.ts';

/** A file may be written in several steps. */
const SETTLE_MS = 150;
/** Looked at all the same: a file behind links, as of a ConfigMap, may change without a word to whoever watches it. */
const LOOK_MS = 2_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** Servers in a file: a list in JSON, or one url a line. It may be replaced or written anew at any time. */
export class FileSource implements Source {
  readonly #path: string;
  readonly #defaults: ServerOptions;
  readonly #observer: SourceObserver;
  readonly #look: NodeJS.Timeout;
  #watcher: FSWatcher | null = null;
  #settling: NodeJS.Timeout | null = null;
  #isReading = false;
  #isClosed = false;

  /** @param defaults what holds for servers that say nothing else of themselves */
  constructor({ path }: FileAddress, defaults: ServerOptions, observer: SourceObserver) {
    this.#path = path;
    this.#defaults = defaults;
    this.#observer = observer;
    void this.#read();
    void this.#watch();
    this.#look = setInterval(() => void this.#read(), LOOK_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#look);
    if (this.#settling !== null) clearTimeout(this.#settling);
    void this.#watcher?.close();
  }

  async #watch(): Promise<void> {
    const { watch } = await import('chokidar');
    if (this.#isClosed) return;
    this.#watcher = watch(this.#path, { ignoreInitial: true });
    this.#watcher.on('all', () => {
      if (this.#settling !== null) clearTimeout(this.#settling);
      this.#settling = setTimeout(() => void this.#read(), SETTLE_MS);
    });
    // It is looked at now and then in any case.
    this.#watcher.on('error', () => {});
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const text = await readText(this.#path).catch((error: NodeJS.ErrnoException) => error);
    this.#isReading = false;
    if (this.#isClosed) return;
    const servers =
      typeof text === 'string' ? parseServerList(text, this.#defaults) : `cannot be read: ${text.code ?? text.message}`;
    if (typeof servers === 'string') this.#observer.failed(servers);
    else this.#observer.found(servers);
  }
}

async function readText(path: string): Promise<string> {
  // A pipe that nobody writes to would be waited for for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new Error('it is no regular file');
    const { size } = facts;
    if (size > MAX_BYTES) throw new Error(`${size} bytes, more than ${MAX_BYTES}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/**
 * `[...]` or `{ "servers": [...] }` in JSON, with urls or objects as in a config file; else one url a line, and `#` before
 * what is only for people.
 * @returns what is wrong with it. All of it holds or nothing: half a list would take servers out.
 */
export function parseServerList(text: string, defaults: ServerOptions): readonly ServerOptions[] | string {
  if (text.trim() === '') return 'it is empty; [] says that there are no servers';
  const isJson = /^\s*[[{]/.test(text);
  const values = isJson ? parseJson(text) : parseLines(text);
  if (typeof values === 'string') return values;
  const servers: ServerOptions[] = [];
  for (const { value, at } of values) {
    const server = readFoundServer(value, defaults);
    if (typeof server === 'string') return `${at}: ${server}`;
    servers.push(server);
  }
  return servers;
}

type Values = { readonly value: unknown; readonly at: string }[];

function parseJson(text: string): Values | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  const list = typeof value === 'object' && value !== null && 'servers' in value ? value.servers : value;
  if (!Array.isArray(list)) return 'expected a list of servers, or { "servers": [...] }';
  return list.map((one, index) => ({ value: one as unknown, at: `server ${index + 1}` }));
}

function parseLines(text: string): Values | string {
  // A url that was cut short may still be one.
  if (!text.endsWith('\n')) return 'its last line has no end, so it may be half written';
  const lines = text
    .split('\n')
    .map((line, index) => ({ value: line.replace(/#.*/, '').trim(), at: `line ${index + 1}` }));
  return lines.filter(({ value }) => value !== '');
}
