import { existsSync } from 'node:fs';

const SHELL = '/bin/sh';

/**
 * What the first process of a container runs in our place: it starts us, hands on signals, and reaps whatever is left to
 * it by processes that ended before their children. Its exit code is ours.
 *
 * A signal ends `wait` before its time; the child is gone when nobody can be signalled any more, and not before it was
 * waited for. A shell may have seen its end while it handled a signal: then a last `wait` still knows the code.
 */
const SCRIPT = `
for signal in TERM INT QUIT HUP USR1 USR2 TTIN TTOU CONT WINCH; do
  trap "kill -s $signal \\$child 2>/dev/null" $signal
done
"$@" <&0 &
child=$!
while :; do
  wait "$child"
  code=$?
  kill -s 0 "$child" 2>/dev/null || break
done
wait "$child" 2>/dev/null
last=$?
[ "$last" -eq 127 ] || code=$last
exit "$code"
`;

/** process.execve() came with Node 22.15 and 23.11. */
type Execve = (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never;

/**
 * The first process of a container (pid 1) becomes the parent of every process whose own has ended, and has to take note
 * of their ends; else they stay as zombies. Node waits only for its own children. So a shell takes this process over,
 * with us as its child. Where that cannot be, we go on, and the answer says what that means.
 *
 * @returns null where there is nothing to say; does not return where a shell takes over
 */
export function becomeChildOfInit(): string | null {
  if (process.pid !== 1) return null;
  // Descriptors that were passed to us do not outlive this step, and are for this pid.
  if ((process.env.LISTEN_FDS ?? '') !== '') return null;
  const { execve } = process as unknown as { readonly execve?: Execve };
  if (execve === undefined)
    return remark(`Node ${process.version} cannot hand this process over (22.15 and later can)`);
  if (!existsSync(SHELL)) return remark(`there is no ${SHELL}`);
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return execve.call(process, SHELL, [SHELL, '-c', SCRIPT, 'evener-init', ...command], process.env);
}

function remark(reason: string): string {
  return (
    `runs as process 1 and cannot reap what processes of the app leave behind: ${reason}; ` +
    'start the container with an init (docker run --init, init: true in Compose)'
  );
}
