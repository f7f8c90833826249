import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** How often the kernel has ended a process for want of memory, of our own control group where that is told apart. */
export class MemoryShortage {
  readonly #root: string;
  #kills: number;

  /** @param root of the file system, for tests */
  constructor(root: string = '') {
    this.#root = root;
    this.#kills = this.#count();
  }

  /** Whether it has happened since the last time this was asked. Where nothing tells, it has not. */
  hasHappened(): boolean {
    const kills = this.#count();
    const happened = kills > this.#kills;
    this.#kills = kills;
    return happened;
  }

  /**
   * cgroups(7): version 2 counts in `memory.events`, version 1 in `memory.oom_control`, both whatever ended the process. Within a
   * container the path may be the host's, and what is mounted only our part. The kernel's own count has other containers' in it.
   */
  #count(): number {
    const groups = this.#read('/proc/self/cgroup');
    const unified = /^0::(\/.*)$/m.exec(groups)?.[1] ?? '/';
    const memory = /^\d+:(?:[\w,]*,)?memory(?:,[\w,]*)?:(\/.*)$/m.exec(groups)?.[1] ?? '/';
    for (const path of [
      posix.join('/sys/fs/cgroup', unified, 'memory.events'),
      '/sys/fs/cgroup/memory.events',
      posix.join('/sys/fs/cgroup/memory', memory, 'memory.oom_control'),
      '/sys/fs/cgroup/memory/memory.oom_control',
      '/proc/vmstat',
    ]) {
      const kills = /^oom_kill (\d+)$/m.exec(this.#read(path))?.[1];
      if (kills !== undefined) return Number(kills);
    }
    return 0;
  }

  #read(path: string): string {
    try {
      return readFileSync(this.#root + path, 'utf8');
    } catch {
      return '';
    }
  }
}
