/** `npm run bench`: evener beside its peers, measured in one run. Exit: 0 measured, 1 failed, 2 wrong usage or no tools. */

import { existsSync } from 'node:fs';
import { runBench } from './bench-run.ts';
import { cases as allCases } from './cases/all.ts';
import { findLoadGenerator } from './load/find-load-generator.ts';
import { type BenchOptions, parseOptions, UsageError, usage } from './options.ts';
import { LaunchedProcess } from './proc/launched-process.ts';
import type { Report } from './report/report.ts';
import { readResult, writeDocs, writeResult } from './report/report-file.ts';
import { terminalText } from './report/terminal.ts';
import { Scratch } from './scratch.ts';

try {
  await main();
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function main(): Promise<void> {
  const options = parseOptions(
    process.argv.slice(2),
    allCases.map(({ name }) => name),
  );
  if (options.isHelp) {
    console.log(`${usage}\ncases: ${allCases.map(({ name }) => name).join(', ')}`);
    return;
  }
  const report = options.from === null ? await measure(options) : readResult(options.from);
  console.log(`\n${terminalText(report)}`);
  if (options.from === null) console.error(`wrote ${writeResult(report, options.cases.join('+') || 'all')}`);
  if (options.writesDocs) console.error(`wrote ${writeDocs(report).join(', ')}`);
}

async function measure({ cases, systems, rounds, seconds }: BenchOptions): Promise<Report> {
  if (!existsSync('/proc/self/smaps_rollup')) {
    throw new UsageError('The bench reads CPU time and memory from /proc, which only Linux has.');
  }
  const load = findLoadGenerator();
  if (load === null) {
    throw new UsageError('No load generator found: apt-get install wrk (or put oha or autocannon on PATH).');
  }
  const scratch = new Scratch();
  cleanUpOnExit(scratch);
  try {
    return await runBench({
      cases: cases.length === 0 ? allCases : allCases.filter(({ name }) => cases.includes(name)),
      systems,
      rounds,
      seconds,
      load,
      scratch,
      log: (line) => console.error(line),
    });
  } finally {
    await LaunchedProcess.stopAll();
    scratch.remove();
  }
}

/** However the bench ends, nothing that it started outlives it; an impatient second Ctrl-C included. */
function cleanUpOnExit(scratch: Scratch): void {
  let isEnding = false;
  process.on('exit', () => {
    LaunchedProcess.killAll();
    scratch.remove();
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isEnding) process.exit(130);
      isEnding = true;
      void LaunchedProcess.stopAll().then(() => process.exit(130));
    });
  }
}
