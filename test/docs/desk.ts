import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from '../support/cleanup.ts';
import { EvenerProcess } from '../support/evener-process.ts';
import { MAIN } from '../support/package-scripts.ts';
import { openTmux } from '../support/tmux.ts';
import { until } from '../support/until.ts';
import { readPage } from './pages.ts';

const FAKES = fileURLToPath(new URL('../../../test/fixtures/fakes/', import.meta.url));

/** Of a command: beyond it something is wrong. */
const LONGEST_MS = 60_000;

/** Programs that a test cannot have, and what stands in for each: it does what the page needs of it, and refuses the rest. */
const STAND_INS = {
  sudo: ['sh', 'sudo.sh'],
  systemctl: ['python3', 'systemctl.py'],
  docker: ['node', 'docker.mjs'],
  kubectl: ['node', 'kubectl.mjs'],
  ssh: ['node', 'ssh.mjs'],
} as const;

/** A folder with an app, and `evener` and the rest at hand, in which commands are run as they stand in a page. */
export class Desk implements Cleanup {
  readonly folder: string;
  /** Of everything that runs here: so commands find the instance. */
  readonly temporary: string;
  /** What is to be ended before the folder goes, the last one first. */
  readonly #cleanups: (() => unknown)[] = [];

  constructor(test: TestContext) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'evd-')));
    this.temporary = join(this.folder, 'tmp');
    test.after(async () => {
      try {
        for (const clean of this.#cleanups.toReversed()) await clean();
      } finally {
        rmSync(this.folder, { recursive: true, force: true });
      }
    });
    for (const name of ['bin', 'tmp', 'root/etc/systemd/system', 'root/run']) {
      mkdirSync(join(this.folder, name), { recursive: true });
    }
    this.#tool('evener', `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    this.#tool('node', `#!/bin/sh\nexec "${process.execPath}" "$@"\n`);
    this.file('tmp/.curlrc', 'silent\nshow-error\n');
    for (const [name, [interpreter, file]] of Object.entries(STAND_INS)) {
      this.#tool(name, `#!/bin/sh\nexec ${interpreter} "${FAKES}${file}" "$@"\n`);
    }
  }

  after(clean: () => unknown): void {
    this.#cleanups.push(clean);
  }

  get environment(): Record<string, string> {
    return {
      PATH: `${join(this.folder, 'bin')}${delimiter}${process.env.PATH}`,
      TMPDIR: this.temporary,
      CURL_HOME: this.temporary,
      SYSTEMD_ROOT: join(this.folder, 'root'),
      DOCKER_IMAGES: join(this.folder, 'images'),
      KUBE_CLUSTER: join(this.folder, 'cluster'),
    };
  }

  /** @param text what it holds, or where it is copied from */
  file(name: string, text: string | { readonly from: string }): void {
    const path = join(this.folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    if (typeof text === 'string') writeFileSync(path, text);
    else cpSync(text.from, path);
  }

  /** Starts an instance by a line of a page. @param env what the shell has beside what is there */
  start(command: string, env: Readonly<Record<string, string>> = {}): EvenerProcess {
    // The shell makes way, so that signals reach the instance.
    const line = command.replace(/(^| )(evener|npx|ssh)\b/, '$1exec $2');
    return new EvenerProcess(this, [], {
      cwd: this.folder,
      env: { ...this.environment, ...env },
      launcher: ['sh', '-c', line],
    });
  }

  /**
   * @param code what it is to end with
   * @returns what it said
   * @throws with what it said, where it ends with another code
   */
  run(command: string, code: number = 0, env: Readonly<Record<string, string>> = {}): Promise<string> {
    return this.#run(command, code, env, () => {});
  }

  /** Runs it until it shows this: a worker that is busy for a moment is not shown as ready. @returns what it said then */
  shows(command: string, pattern: RegExp, env: Readonly<Record<string, string>> = {}): Promise<string> {
    let shown = '';
    return until(
      () => `${pattern} in:\n${shown}`,
      async () => {
        shown = await this.run(command, 0, env);
        return pattern.test(shown) ? shown : null;
      },
    );
  }

  /** Runs a command that goes on for as long as its instance, and waits until it prints something. @returns all that it has printed by its end */
  async follow(command: string, pattern: RegExp): Promise<() => Promise<string>> {
    let shown = '';
    const end = this.#run(command, 0, {}, (text) => {
      shown += text;
    });
    // Told by whoever awaits it.
    end.catch(() => {});
    await until(
      () => `${pattern} in:\n${shown}`,
      () => pattern.test(shown),
    );
    return () => end;
  }

  /** Runs a command that is spoken to. @param turns what it prints, from one line of ours to the next, and that line */
  async talk(command: string, turns: readonly (readonly [RegExp, string])[]): Promise<void> {
    const options = { cwd: this.folder, env: this.#shell() };
    const child = spawn('sh', ['-c', `exec ${command}`], { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
    this.after(() => child.kill('SIGKILL'));
    const ended = once(child, 'close');
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    for (const [pattern, line] of turns) {
      await until(
        () => `${pattern} in:\n${shown}`,
        () => pattern.test(shown),
      );
      shown = '';
      child.stdin.write(`${line}\n`);
    }
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(`${command}: ended with ${code}\n${shown}`);
  }

  #shell(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const all: NodeJS.ProcessEnv = { ...process.env, ...this.environment };
    for (const name of ['XDG_RUNTIME_DIR', 'NODE_TEST_CONTEXT', 'PWD']) delete all[name];
    return Object.assign(all, env);
  }

  #run(
    command: string,
    code: number,
    env: Readonly<Record<string, string>>,
    onText: (text: string) => void,
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { cwd: this.folder, env: this.#shell(env), timeout: LONGEST_MS };
      const child = execFile('sh', ['-c', command], options, (error, stdout, stderr) => {
        const ended = error === null ? 0 : Number(error.code);
        if (ended === code) resolve(stdout + stderr);
        else reject(new Error(`${command}: ended with ${ended}\n${stdout}${stderr}`));
      });
      child.stdout?.on('data', onText);
    });
  }

  /** Types a command into a terminal, waits until it shows something, and leaves it by a key. @returns what was shown */
  async look(command: string, pattern: RegExp, key: string): Promise<string> {
    const tmux = openTmux(this, this.temporary, this.folder);
    const { PATH, TMPDIR } = this.environment;
    tmux('send-keys', `PATH='${PATH}' TMPDIR='${TMPDIR}' XDG_RUNTIME_DIR= ${command}; echo left with $?`, 'Enter');
    const screen = (): string => tmux('capture-pane', '-p');
    let shown = '';
    await until(
      () => `${pattern} in:\n${shown}`,
      () => {
        shown = screen();
        return pattern.test(shown);
      },
    );
    tmux('send-keys', key);
    await until(
      () => `the end of ${command} in:\n${screen()}`,
      () => /left with 0/.test(screen()),
    );
    tmux('kill-server');
    return shown;
  }

  #tool(name: string, script: string): void {
    const path = join(this.folder, 'bin', name);
    writeFileSync(path, script);
    chmodSync(path, 0o755);
  }
}

/** The commands of a page, each of which is to be run: those in lines of their own, and those in the text. */
export class PageCommands {
  readonly page: string;
  readonly #left: string[];

  constructor(page: string) {
    this.page = page;
    this.#left = commandsOf(page);
  }

  /** @returns the next one in the page that looks like this. @throws when there is none */
  take(pattern: RegExp | string): string {
    const at = this.#left.findIndex((one) => (typeof pattern === 'string' ? one === pattern : pattern.test(one)));
    if (at === -1) throw new Error(`${this.page} has no more command like ${pattern}: ${this.#left.join('; ')}`);
    return this.#left.splice(at, 1)[0]!;
  }

  /** Those that have not been taken. */
  get left(): readonly string[] {
    return this.#left;
  }
}

const PROGRAMS = 'evener|npx|npm|node|curl|kill|ln|sudo|ssh|docker|kubectl|git|python3';
const LINE = new RegExp(`^ {4}(?:\\$ )?((?:[A-Z_]+=\\S.*? )?(?:${PROGRAMS}) .+)$`);
const INLINE = /`((?:evener|kill|node inspect|npx|npm|docker|kubectl|ssh|systemctl) [^`]+)`/g;
/** Words for the reader, not for the shell. */
const REMARK = /(?: {2,}\S.*| +# .*)$/;
const OUTPUT = /^evener: /;

/** Once each where it stands in the text; as often as it is there where it has a line of its own. */
export function commandsOf(page: string): string[] {
  const text = readPage(page).replace(/^```[\s\S]*?^```/gm, '');
  const lines = text.split('\n').flatMap((line) => LINE.exec(line)?.[1]?.replace(REMARK, '') ?? []);
  const own = lines.filter((line) => !OUTPUT.test(line));
  const inline = new Set([...text.matchAll(INLINE)].map(([, command]) => command!));
  return [...own, ...[...inline].filter((command) => !own.includes(command))];
}
