/** oha, in wrk's place where that is missing. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, versionOf } from '../executable.ts';
import { LaunchedProcess } from '../proc/launched-process.ts';
import type { LoadGenerator, LoadPlan, LoadResult } from './load-generator.ts';
import { field, type JsonObject, parseObject, section } from './output.ts';

/** Requests cut off by the end of the run are not failures. */
const CUT_OFF = 'aborted due to deadline';

/** The generator, or null where oha is not installed. */
export function findOha(): LoadGenerator | null {
  const path = findExecutable('oha');
  if (path === null) return null;
  return { name: 'oha', version: versionOf(path, '--version', /oha (\S+)/), run: (plan) => run(path, plan) };
}

async function run(path: string, plan: LoadPlan): Promise<LoadResult> {
  const { method, body, contentType, closes } = plan.request;
  const args = ['--no-tui', ...jsonFlag(path), '-t', '10s', '-c', `${plan.connections}`, '-z', `${plan.seconds}s`];
  if (body !== null) {
    const bodyPath = join(plan.scratchDir, 'oha.body');
    writeFileSync(bodyPath, body);
    args.push('-D', bodyPath, '-T', contentType);
  }
  if (closes) args.push('--disable-keepalive');
  args.push('-m', method, `http://127.0.0.1:${plan.port}/`);
  const oha = LaunchedProcess.launch(path, args, { cwd: plan.scratchDir });
  await oha.exited;
  return parse(parseObject(oha.output.slice(oha.output.indexOf('{'))));
}

/** The flag changed its name in oha 1.9. */
function jsonFlag(path: string): string[] {
  const help = spawnSync(path, ['--help'], { encoding: 'utf8', timeout: 10_000 }).stdout;
  return help.includes('--output-format') ? ['--output-format', 'json'] : ['--json'];
}

function parse(report: JsonObject): LoadResult {
  const statuses = Object.entries(section(report, 'statusCodeDistribution'));
  const failures = Object.entries(section(report, 'errorDistribution'));
  const percentiles = section(report, 'latencyPercentiles');
  const notOk = statuses.filter(([status]) => !status.startsWith('2'));
  return {
    requests: sum(statuses),
    durationMs: field(section(report, 'summary'), 'total') * 1000,
    p50Ms: field(percentiles, 'p50') * 1000,
    p99Ms: field(percentiles, 'p99') * 1000,
    errors: sum(notOk) + sum(failures.filter(([message]) => message !== CUT_OFF)),
  };
}

function sum(entries: readonly (readonly [string, unknown])[]): number {
  return entries.reduce((total, [, count]) => total + Number(count), 0);
}
