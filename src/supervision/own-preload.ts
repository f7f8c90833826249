import { readFileSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ownFile } from '../core/own-files.ts';
import type { RuntimeDirectory } from './runtime-directory.ts';

/** No script of an app is called so. */
const COPY = 'evener-preload.cjs';

/** Where our own code lies. */
const OWN_CODE = ownFile('').href;

/**
 * The preload as it was when we started. A deploy may remove the release that we were started from, or put another version of us in
 * its place, while we run on: workers then get a copy of ours, since they could not start without it, nor dial in with another.
 */
export class OwnPreload {
  readonly #place: URL;
  readonly #directory: RuntimeDirectory;
  readonly #onCopied: () => void;
  readonly #content: Buffer;
  /** As it was when it was last found to be ours. */
  #stats: Stats | null;
  #hasTold = false;

  /**
   * @param place where it is in the package
   * @param directory for a copy
   * @param onCopied hears once that it is not in its place any more
   */
  constructor(place: URL, directory: RuntimeDirectory, onCopied: () => void) {
    this.#place = place;
    this.#directory = directory;
    this.#onCopied = onCopied;
    this.#content = readFileSync(place);
    this.#stats = statsOf(place);
  }

  /** For the next worker. */
  locate(): URL {
    return this.#isInPlace() ? this.#place : this.#copy();
  }

  #isInPlace(): boolean {
    const stats = statsOf(this.#place);
    if (stats === null) return false;
    const before = this.#stats;
    if (before !== null && stats.ino === before.ino && stats.mtimeMs === before.mtimeMs && stats.size === before.size) {
      return true;
    }
    if (!this.#isAsItWas(this.#place)) return false;
    this.#stats = stats;
    return true;
  }

  #copy(): URL {
    const path = join(this.#directory.path, COPY);
    const copy = pathToFileURL(path);
    try {
      // A worker that is just being started reads it: it is never there in part.
      if (!this.#isAsItWas(copy)) {
        writeFileSync(`${path}.new`, this.#content, { mode: 0o600 });
        renameSync(`${path}.new`, path);
      }
    } catch {
      // How the start fails tells more.
      return this.#place;
    }
    if (!this.#hasTold) this.#onCopied();
    this.#hasTold = true;
    return copy;
  }

  #isAsItWas(place: URL): boolean {
    try {
      return readFileSync(place).equals(this.#content);
    } catch {
      return false;
    }
  }
}

/** Whether a script in a worker is of Evener. @param url as the inspector names it */
export function isOwnCode(url: string): boolean {
  return url.startsWith(OWN_CODE) || url.endsWith(`/${COPY}`);
}

/** @returns null where it is not, or cannot be looked at: a file may stand in a folder's place, or a folder be closed to us */
function statsOf(place: URL): Stats | null {
  try {
    return statSync(place, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}
