/**
 * The guard where there is no shell: see `guard.ts`, whose script this repeats. Run with the runtime directory as its
 * argument and the list of groups on its standard input.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isGroupAlive, signalGroup } from './process-group.ts';

const GRACE_MS = 700;
const POLL_MS = 50;

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => {});

const groups = new Set<number>();
let mark = '';
for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('?')) mark = line.slice(1);
  const group = Number(line.slice(1));
  if (!Number.isInteger(group) || group <= 1) continue;
  if (line.startsWith('+')) {
    groups.add(group);
    mark = '';
  } else {
    groups.delete(group);
  }
}
if (mark !== '') for (const pid of marked(mark)) groups.add(pid);
for (const group of groups) signalGroup(group, 'SIGTERM');
const deadline = performance.now() + GRACE_MS;
while (performance.now() < deadline && [...groups].some(isGroupAlive)) await sleep(POLL_MS);
for (const group of groups) signalGroup(group, 'SIGKILL');
const directory = process.argv[2];
if (directory !== undefined) rmSync(directory, { recursive: true, force: true });

/** Processes that began with this entry in their environment. */
function marked(entry: string): number[] {
  const pids = process.platform === 'linux' ? readdirSync('/proc').map(Number).filter(Number.isInteger) : [];
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(entry);
    } catch {
      return false;
    }
  });
}
