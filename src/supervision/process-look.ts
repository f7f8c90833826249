import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What its main thread does, as far as the system tells. */
export type ProcessActivity =
  /** It takes CPU time, or would if it were given some. */
  | 'spinning'
  /** It waits: for a system call, a lock, a child. */
  | 'waiting'
  /** SIGSTOP, or a debugger of the system's. */
  | 'stopped'
  /** There is no /proc, or no such process any more. */
  | 'unknown';

export interface ProcessLook {
  readonly activity: ProcessActivity;
  /** Share of one core that the main thread used while it was looked at, 0-1; null where it is not known. */
  readonly cpuShare: number | null;
  /** What in the kernel it waits in (`hrtimer_nanosleep`); null where that is not known or it does not wait. */
  readonly waitChannel: string | null;
}

/** Ticks of /proc/pid/stat come every 10 ms: over this time a thread that spins has about ten of them. */
const SPAN_MS = 100;
const TICK_MS = 10;
/** A loop that turns idles more than this; one in `while (true)` does not, however little the machine gives it. */
const SPINNING_SHARE = 0.5;

const UNKNOWN: ProcessLook = Object.freeze({ activity: 'unknown', cpuShare: null, waitChannel: null });

/** Looks at a process's main thread for 100 ms. Linux; elsewhere all of it is unknown. */
export async function lookAtProcess(pid: number): Promise<ProcessLook> {
  const startedAtMs = performance.now();
  const [before, runBefore] = await Promise.all([threadStat(pid), runTimes(pid)]);
  if (before === null) return UNKNOWN;
  if (isStopped(before.state)) return { activity: 'stopped', cpuShare: 0, waitChannel: null };
  await sleep(SPAN_MS);
  const [after, runAfter] = await Promise.all([threadStat(pid), runTimes(pid)]);
  if (after === null) return UNKNOWN;
  const spanMs = performance.now() - startedAtMs;
  const exact = runBefore !== null && runAfter !== null;
  const usedMs = exact ? runAfter.usedMs - runBefore.usedMs : (after.ticks - before.ticks) * TICK_MS;
  const deniedMs = exact ? runAfter.deniedMs - runBefore.deniedMs : 0;
  // The kernel tells how long a thread was denied a core when that is over, so one that queues for it is seen by its state.
  const isRunnable = before.state === 'R' && after.state === 'R';
  const isSpinning = isRunnable || (usedMs + deniedMs) / spanMs >= SPINNING_SHARE;
  return {
    activity: isStopped(after.state) ? 'stopped' : isSpinning ? 'spinning' : 'waiting',
    cpuShare: Math.min(1, usedMs / spanMs),
    waitChannel: isSpinning ? null : await waitChannel(pid),
  };
}

/** Whether it was stopped by a signal, and so answers nobody. */
export async function isProcessStopped(pid: number): Promise<boolean> {
  const stat = await threadStat(pid);
  return stat !== null && isStopped(stat.state);
}

/** Whether a process has a handler for this signal. Sent to one that has none, SIGUSR1 would end it. */
export async function catchesSignal(pid: number, signal: number): Promise<boolean> {
  const status = await read(`/proc/${pid}/status`);
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  // No /proc: a worker that has dialled in is a Node process, which has one.
  return caught === undefined || ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

function isStopped(state: string): boolean {
  return state === 'T' || state === 't';
}

/** `pid (name) state ppid ...`: the name may hold anything, so count from its last bracket. proc_pid_stat(5) */
async function threadStat(pid: number): Promise<{ state: string; ticks: number } | null> {
  const stat = await read(`/proc/${pid}/task/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, ticks: Number(fields[11]) + Number(fields[12]) };
}

/** Time on a core, and time it waited for one, in nanoseconds. Not every kernel keeps it. */
async function runTimes(pid: number): Promise<{ usedMs: number; deniedMs: number } | null> {
  const [used, denied] = ((await read(`/proc/${pid}/task/${pid}/schedstat`)) ?? '').split(' ').map(Number);
  if (used === undefined || denied === undefined || used === 0) return null;
  return { usedMs: used / 1e6, deniedMs: denied / 1e6 };
}

async function waitChannel(pid: number): Promise<string | null> {
  const name = await read(`/proc/${pid}/wchan`);
  return name === null || name === '' || name === '0' ? null : name;
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return null;
  }
}
