/** Processes of the machine as /proc shows them: who started whom, and how long each ran. */

import { readdirSync, readFileSync } from 'node:fs';

/** Unit of the times in /proc/<pid>/stat: USER_HZ, which Linux holds at 100 on every architecture that Node runs on. */
const TICK_MS = 10;

interface ProcessStat {
  readonly parent: number;
  readonly cpuMs: number;
}

/** The process and everything it started, directly or not, that still runs. Empty when the root is gone. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) ? readStat(pid) : null;
    if (stat === null) continue;
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [pid]);
    else siblings.push(pid);
  }
  const found = readStat(root) === null ? [] : [root];
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i]!) ?? []));
  return found;
}

/** User and system time of these processes since each began, in ms and steps of 10 ms; one that has ended counts 0. */
export function cpuTimeMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (readStat(pid)?.cpuMs ?? 0), 0);
}

/** True when the variable is in the environment that the process was started with. */
export function hasEnvironment(pid: number, variable: string): boolean {
  return (readProc(pid, 'environ') ?? '').split('\0').some((entry) => entry.startsWith(`${variable}=`));
}

/** A file of /proc/<pid>, or null when the process is gone or not ours to read. */
export function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return null;
  }
}

function readStat(pid: number): ProcessStat | null {
  const text = readProc(pid, 'stat');
  if (text === null) return null;
  // The command's name stands in parentheses and may hold anything, spaces and parentheses included (proc_pid_stat(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
}
