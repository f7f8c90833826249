import { relative } from 'node:path';
import type { FSWatcher } from 'chokidar';

/** Editors write a file in several steps, and tools write many files. */
const SETTLE_MS = 150;
/** Whatever goes on and on is told of all the same. */
const MAX_SETTLE_MS = 1_000;

/** What sets the limit that was reached: inotify(7). */
const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC: 'fs.inotify.max_user_watches (sysctl)',
  EMFILE: 'fs.inotify.max_user_instances (sysctl), or ulimit -n,',
};

/** Not the app's own code, or written by the app as it runs. */
const IGNORED = /(^|\/)(node_modules|\.[^/]+|[^/]+\.(log|tmp|swp|pid|sock))(\/|$)/;

/** Watches folders for changes of an app's files. */
export class FileWatch {
  readonly folders: readonly string[];
  readonly #onChange: (path: string) => void;
  readonly #onFailure: (reason: string) => void;
  #watcher: FSWatcher | null = null;
  #settling: NodeJS.Timeout | null = null;
  #changingSinceMs = 0;
  #hasFailed = false;
  #isClosed = false;

  /**
   * @param onChange told once of changes that come together; `path` is one of them, from its folder
   * @param onFailure told once that changes of some files will not be seen
   */
  constructor(folders: readonly string[], onChange: (path: string) => void, onFailure: (reason: string) => void) {
    this.folders = folders;
    this.#onChange = onChange;
    this.#onFailure = onFailure;
    void this.#start();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#settling !== null) clearTimeout(this.#settling);
    void this.#watcher?.close();
  }

  async #start(): Promise<void> {
    const { watch } = await import('chokidar');
    if (this.#isClosed) return;
    const { folders } = this;
    const isIgnored = (path: string): boolean => folders.some((folder) => IGNORED.test(relative(folder, path)));
    this.#watcher = watch([...folders], { ignoreInitial: true, ignored: isIgnored });
    this.#watcher.on('all', (_event, path) => this.#changed(shortest(folders, path)));
    // Of too many files for the system, say: what is watched goes on to be.
    this.#watcher.on('error', (error) => this.#failed(error as NodeJS.ErrnoException));
  }

  #failed({ code, message }: NodeJS.ErrnoException): void {
    if (this.#hasFailed || this.#isClosed) return;
    this.#hasFailed = true;
    const limit = LIMITS[code ?? ''];
    this.#onFailure(limit === undefined ? message : `${message}; ${limit} says how many it may be`);
  }

  #changed(path: string): void {
    const nowMs = performance.now();
    if (this.#settling === null) this.#changingSinceMs = nowMs;
    else clearTimeout(this.#settling);
    const restMs = Math.max(0, this.#changingSinceMs + MAX_SETTLE_MS - nowMs);
    this.#settling = setTimeout(
      () => {
        this.#settling = null;
        this.#onChange(path);
      },
      Math.min(SETTLE_MS, restMs),
    );
  }
}

function shortest(folders: readonly string[], path: string): string {
  const names = folders.map((folder) => relative(folder, path));
  return names.reduce((least, name) => (name.length < least.length ? name : least));
}
