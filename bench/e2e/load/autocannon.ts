/** autocannon, in wrk's place where both wrk and oha are missing. Its percentiles come in whole milliseconds. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, versionOf } from '../executable.ts';
import { LaunchedProcess } from '../proc/launched-process.ts';
import type { LoadGenerator, LoadPlan, LoadResult } from './load-generator.ts';
import { field, type JsonObject, parseObject, section } from './output.ts';

/** The generator, or null where autocannon is not installed. */
export function findAutocannon(): LoadGenerator | null {
  const path = findExecutable('autocannon');
  if (path === null) return null;
  const version = versionOf(path, '--version', /autocannon v?(\S+)/);
  return { name: 'autocannon', version, run: (plan) => run(path, plan) };
}

async function run(path: string, plan: LoadPlan): Promise<LoadResult> {
  const { method, body, contentType, closes } = plan.request;
  const args = [
    '--json',
    '--no-progress',
    '-t',
    '10',
    '-c',
    `${plan.connections}`,
    '-d',
    `${plan.seconds}`,
    '-m',
    method,
  ];
  if (body !== null) {
    const bodyPath = join(plan.scratchDir, 'autocannon.body');
    writeFileSync(bodyPath, body);
    args.push('-i', bodyPath, '-H', `content-type=${contentType}`);
  }
  if (closes) args.push('-H', 'connection=close');
  const cannon = LaunchedProcess.launch(path, [...args, `http://127.0.0.1:${plan.port}/`], { cwd: plan.scratchDir });
  await cannon.exited;
  const line = cannon.output.split('\n').find((text) => text.startsWith('{'));
  return parse(parseObject(line ?? cannon.output));
}

function parse(report: JsonObject): LoadResult {
  const latency = section(report, 'latency');
  return {
    requests: field(section(report, 'requests'), 'total'),
    durationMs: field(report, 'duration') * 1000,
    p50Ms: field(latency, 'p50'),
    p99Ms: field(latency, 'p99'),
    // `errors` already counts the time-outs.
    errors: field(report, 'errors') + field(report, 'non2xx'),
  };
}
