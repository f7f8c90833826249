import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ownFile } from '../core/own-files.ts';

const SHELL = '/bin/sh';
const RESPAWN_MS = 200;

/**
 * What the guard runs: it keeps the list of groups from `+pid` and `-pid` lines. `?mark` says that a process with this entry
 * in its environment is being started, and the next `+pid` that it was. When the pipe closes it looks for one that was not
 * told of, asks all groups to end, waits 0.7 s at most, and ends them. SIGTERM and the like are not for it: a service
 * manager sends them to every process it knows.
 */
const SCRIPT = `
trap '' TERM INT QUIT HUP
groups=' ' mark=
while read -r line; do
  case $line in
    '?'*) mark="\${line#?}" ;;
    +*) mark= groups="$groups\${line#+} " ;;
    -*) case $groups in *" \${line#-} "*) groups="\${groups%% \${line#-} *} \${groups#* \${line#-} }" ;; esac ;;
  esac
done
if [ -n "$mark" ]; then
  for file in $(grep -lF EVENER_WORKER_ID= /proc/[0-9]*/environ 2>/dev/null); do
    tr '\\0' '\\n' <"$file" 2>/dev/null | grep -qxF -e "$mark" && pid=\${file#/proc/} && groups="$groups\${pid%/environ} "
  done
fi
any() { for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && return 0; done; return 1; }
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
turns=0
while [ $turns -lt 7 ] && any; do sleep 0.1 2>/dev/null || { sleep 1; turns=7; }; turns=$((turns + 1)); done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$1"
`;

/**
 * A tiny process that outlives the supervisor by a moment, to end the workers of one that was killed. A worker's own
 * event loop cannot be relied on for that: it may be in `while (true)`. A shell takes about 1 MB; where there is none,
 * Node does the same.
 */
export class Guard {
  readonly #directory: string;
  readonly #groups = new Set<number>();
  #child: ChildProcess | null = null;
  #respawn: NodeJS.Timeout | null = null;
  #closed = false;

  /** @param directory removed by the guard as well when the supervisor was killed */
  constructor(directory: string) {
    this.#directory = directory;
    this.#spawn();
  }

  /** The guard's process, for tests; null between two. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /**
   * A group is about to be started, and {@link watch} says so when it has been: the supervisor may be killed in between, and
   * a process it has forked closes this pipe only by running another program.
   *
   * @param mark an entry of its environment, `NAME=value`, that no other process has
   */
  expect(mark: string): void {
    this.#tell(`?${mark}\n`);
  }

  watch(group: number): void {
    this.#groups.add(group);
    this.#tell(`+${group}\n`);
  }

  forget(group: number): void {
    if (this.#groups.delete(group)) this.#tell(`-${group}\n`);
  }

  /** Ends it. Groups that are still watched are ended with it, by force. */
  close(): void {
    this.#closed = true;
    if (this.#respawn !== null) clearTimeout(this.#respawn);
    this.#child?.stdin?.end();
  }

  #spawn(): void {
    const [file, args] = existsSync(SHELL)
      ? [SHELL, ['-c', SCRIPT, 'evener-guard', this.#directory]]
      : [process.execPath, [fileURLToPath(ownFile('supervision/guard-process.js')), this.#directory]];
    const child = start(file, args);
    this.#child = child;
    let isGone = false;
    const gone = (): void => {
      if (isGone) return;
      isGone = true;
      this.#child = null;
      if (this.#closed) return;
      this.#respawn = setTimeout(() => this.#spawn(), RESPAWN_MS);
      this.#respawn.unref();
    };
    if (child === null) {
      gone();
      return;
    }
    child.unref();
    child.once('exit', gone);
    child.once('error', gone);
    // A pipe whose reader is gone says EPIPE; the exit that goes with it is what counts.
    child.stdin?.on('error', () => {});
    (child.stdin as { unref?: () => void } | null)?.unref?.();
    for (const group of this.#groups) this.#tell(`+${group}\n`);
  }

  #tell(line: string): void {
    this.#child?.stdin?.write(line);
  }
}

/** @returns null where it cannot be started; the same is also told by 'error', without a pipe where no descriptor is left for it */
function start(file: string, args: readonly string[]): ChildProcess | null {
  try {
    // A session of its own: Ctrl-C reaches every process of the terminal's.
    return spawn(file, args, {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
    });
  } catch {
    // Some errors are thrown (ENOMEM), others emitted (EMFILE).
    return null;
  }
}
