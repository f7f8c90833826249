/** Where and with what a run was made: the lines that stand above every table. */

import type { Report } from './report.ts';

export function settingLines({ date, machine, load, rounds, seconds, systems }: Report): string[] {
  const versions = systems.map(({ name, version, missing }) => `${name} ${version ?? `missing (${missing ?? ''})`}`);
  return [
    `${date.slice(0, 16).replace('T', ' ')} UTC, ${machine.cores} cores of ${machine.cpuModel}, ` +
      `${machine.memoryMiB} MiB, ${machine.kernel}, Node ${machine.node}`,
    `${versions.join(', ')}; load by ${load.name} ${load.version} on the same machine`,
    `${rounds} interleaved round${rounds === 1 ? '' : 's'} of ${seconds} s; medians, with the least and the most of any round`,
  ];
}
