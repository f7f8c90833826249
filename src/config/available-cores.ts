import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

/** Text of a file, or null when it cannot be read. */
export type FileReader = (path: string) => string | null;

/**
 * Cores that this process may keep busy: what the scheduler lets it use (affinity), and no more than its CPU quota, its
 * own control group's or any ancestor's, rounded up. At least 1.
 *
 * `os.availableParallelism()` knows of affinity only; in a container with `--cpus 2` on a machine of 64 it says 64.
 */
export function availableCores(parallelism: number = availableParallelism(), read: FileReader = readText): number {
  const quota = Math.min(...controlGroups(read('/proc/self/cgroup') ?? '').map((group) => quotaOf(group, read)));
  return Math.max(1, Math.min(parallelism, Math.ceil(quota)));
}

interface ControlGroup {
  readonly version: 1 | 2;
  /** From the mount's root. Begins with a slash. */
  readonly path: string;
}

/** Lines of `/proc/self/cgroup`: `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1. cgroups(7) */
function controlGroups(text: string): ControlGroup[] {
  const groups: ControlGroup[] = [];
  for (const line of text.split('\n')) {
    const [id, controllers, ...rest] = line.split(':');
    const path = posix.normalize(`/${rest.join(':')}`);
    if (id === '0' && controllers === '') groups.push({ version: 2, path });
    else if (controllers?.split(',').includes('cpu')) groups.push({ version: 1, path });
  }
  // Inside a container without its own control group namespace the path is the host's, and the mount shows only our part.
  return groups.flatMap((group) => (group.path === '/' ? [group] : [group, { version: group.version, path: '/' }]));
}

/** Cores' worth of quota of a group, the tightest on the way to the root; Infinity when there is none. */
function quotaOf(group: ControlGroup, read: FileReader): number {
  let tightest = Number.POSITIVE_INFINITY;
  for (let path = group.path; ; path = posix.dirname(path)) {
    tightest = Math.min(tightest, group.version === 2 ? quotaV2(path, read) : quotaV1(path, read));
    if (path === '/') return tightest;
  }
}

/** `cpu.max` is `<quota|max> <period>`, both µs. */
function quotaV2(path: string, read: FileReader): number {
  const text = firstOf([posix.join('/sys/fs/cgroup', path, 'cpu.max')], read);
  const [quota, period] = (text ?? '').trim().split(/\s+/);
  return ratio(quota, period);
}

function quotaV1(path: string, read: FileReader): number {
  const files = (name: string): string[] => [
    posix.join('/sys/fs/cgroup/cpu', path, name),
    posix.join('/sys/fs/cgroup/cpu,cpuacct', path, name),
  ];
  return ratio(firstOf(files('cpu.cfs_quota_us'), read)?.trim(), firstOf(files('cpu.cfs_period_us'), read)?.trim());
}

function firstOf(paths: readonly string[], read: FileReader): string | null {
  for (const path of paths) {
    const text = read(path);
    if (text !== null) return text;
  }
  return null;
}

/** Anything but two positive numbers ("max", -1, nothing) is no quota. */
function ratio(quota: string | undefined, period: string | undefined): number {
  const cores = Number(quota) / Number(period);
  return cores > 0 && Number.isFinite(cores) ? cores : Number.POSITIVE_INFINITY;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
