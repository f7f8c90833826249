import { lstatSync, readdirSync, readFileSync, renameSync, type Stats, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * How a running instance is found: its runtime directory (`evener-<pid>-...`, mode 0700) holds the control socket and a
 * card that says whose it is. There is no register that could go stale: the directory goes with the instance, and one
 * that was left by a killed instance has a socket that nobody answers.
 */

const CARD = 'instance.json';
const SOCKET = 'control.sock';
/** Where the directory is when it cannot be in the folder for temporary files. */
const LAST_RESORT = '/tmp';

/** What an instance says of itself. */
export interface InstanceCard {
  readonly name: string;
  readonly pid: number;
  /** Where it was started. */
  readonly folder: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Its folder for temporary files, where the directory may have found no room. */
  readonly temporary: string;
}

/** A running instance. */
export interface Instance extends InstanceCard {
  readonly socket: string;
}

/** As long as the path of a link's socket, which the directory was chosen for. */
export function controlSocketIn(directory: string): string {
  return join(directory, SOCKET);
}

export function cardIn(directory: string): string {
  return join(directory, CARD);
}

export function writeCard(directory: string, card: InstanceCard): void {
  const path = cardIn(directory);
  // Whoever looks meanwhile finds the whole card or none.
  writeFileSync(`${path}.new`, JSON.stringify(card), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** All instances of this user that answer, by name, then oldest first. */
export async function findInstances(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Instance[]> {
  const found: Instance[] = [];
  for (const directory of runtimeDirectories(env)) {
    const card = readCard(directory);
    const socket = controlSocketIn(directory);
    if (card !== null && isMeant(directory, card) && (await accepts(socket))) found.push({ ...card, socket });
  }
  return found.sort((a, b) => a.name.localeCompare(b.name) || a.startedAt.localeCompare(b.startedAt));
}

/** Where `RuntimeDirectory` makes them; and that of a login, for whoever came without one. */
function runtimeDirectories(env: Readonly<Record<string, string | undefined>>): string[] {
  const bases = [env.XDG_RUNTIME_DIR, `/run/user/${process.getuid?.()}`, tmpdir(), LAST_RESORT, '/dev/shm'];
  const unique = new Set(bases.filter((base): base is string => base !== undefined && base !== ''));
  return [...unique]
    .flatMap((base) => names(base).map((name) => join(base, name)))
    .filter((path) => ownDirectory(path) !== null);
}

/** Whoever names a folder for temporary files means what was started with that one, also where it had to go elsewhere. */
function isMeant(directory: string, { temporary }: InstanceCard): boolean {
  return dirname(directory) !== LAST_RESORT || [LAST_RESORT, temporary].includes(tmpdir());
}

function names(base: string): string[] {
  try {
    return readdirSync(base).filter((name) => /^evener-\d+-\w{6}$/.test(name));
  } catch {
    return [];
  }
}

/** What is known of a folder of this user's; null where there is none: where all share, another user's may look like ours. */
export function ownDirectory(path: string): Stats | null {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts?.isDirectory() === true && facts.uid === process.getuid?.() ? facts : null;
}

function readCard(directory: string): InstanceCard | null {
  try {
    const card = JSON.parse(readFileSync(cardIn(directory), 'utf8')) as Partial<InstanceCard>;
    const { name, pid, folder, startedAt, temporary } = card;
    const isWhole =
      typeof name === 'string' &&
      typeof pid === 'number' &&
      typeof folder === 'string' &&
      typeof startedAt === 'string' &&
      typeof temporary === 'string';
    return isWhole ? { name, pid, folder, startedAt, temporary } : null;
  } catch {
    return null;
  }
}

/** Whether somebody listens at this socket. */
export function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
