import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';

export const HAS_TMUX: boolean = spawnSync('tmux', ['-V']).status === 0;

/**
 * A terminal of 80x24 with a shell in it, on a server of its own.
 * @param folder where its socket is
 * @returns runs a command of tmux: `send-keys`, `capture-pane`
 */
export function openTmux(test: Cleanup, folder: string, cwd: string): (...args: string[]) => string {
  const socket = join(folder, 'tmux');
  const run = (...args: string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], { encoding: 'utf8' });
  run('new-session', '-d', '-x', '80', '-y', '24', '-c', cwd, 'PS1=\\$ exec sh');
  // By its process: the folder with the socket may be removed by then.
  const server = run('display', '-p', '#{pid}').trim();
  test.after(() => spawnSync('kill', [server]));
  return run;
}
