/** Programs of the machine: where they are and which version they say they are. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps servers in sbin, which an ordinary user's PATH leaves out. */
const SERVER_DIRS = ['/usr/sbin', '/usr/local/sbin'];

/** Full path of a program on PATH or among the servers, or null. */
export function findExecutable(name: string): string | null {
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), ...SERVER_DIRS]) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  return null;
}

/** What the pattern's first group finds in the output of `path flag`, or 'unknown version'. */
export function versionOf(path: string, flag: string, pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8', timeout: 10_000 });
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown version';
}
