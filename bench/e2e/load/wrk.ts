/** wrk, the load generator of choice: it takes the least from the cores that it shares with what it measures. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, versionOf } from '../executable.ts';
import { LaunchedProcess } from '../proc/launched-process.ts';
import type { LoadGenerator, LoadPlan, LoadResult } from './load-generator.ts';
import { field, parseObject } from './output.ts';

const MARK = 'evener-bench ';

/** The generator, or null where wrk is not installed. */
export function findWrk(): LoadGenerator | null {
  const path = findExecutable('wrk');
  if (path === null) return null;
  return { name: 'wrk', version: versionOf(path, '-v', /wrk (\S+)/), run: (plan) => run(path, plan) };
}

async function run(path: string, plan: LoadPlan): Promise<LoadResult> {
  const scriptPath = join(plan.scratchDir, 'wrk.lua');
  const bodyPath = join(plan.scratchDir, 'wrk.body');
  if (plan.request.body !== null) writeFileSync(bodyPath, plan.request.body);
  writeFileSync(scriptPath, script(plan, bodyPath));
  const { connections, seconds, port } = plan;
  const args = ['-t', '1', '-c', `${connections}`, '-d', `${seconds}s`, '--timeout', '10s', '-s', scriptPath];
  const wrk = LaunchedProcess.launch(path, [...args, `http://127.0.0.1:${port}/`], { cwd: plan.scratchDir });
  await wrk.exited;
  const line = wrk.output.split('\n').find((text) => text.startsWith(MARK));
  if (line === undefined) throw new Error(`wrk reported nothing:\n${wrk.output}`);
  return parse(line.slice(MARK.length));
}

/**
 * The request, built once, and a summary in exact numbers in place of the rounded ones that wrk prints.
 * `%.0f`, since LuaJIT's `%d` ends at 32 bits on some builds.
 */
function script(plan: LoadPlan, bodyPath: string): string {
  const { method, body, contentType, closes } = plan.request;
  const withBody = `wrk.headers["content-type"] = "${contentType}"
local file = assert(io.open("${bodyPath}", "rb"))
wrk.body = file:read("*a")
file:close()
`;
  return `wrk.method = "${method}"
${body === null ? '' : withBody}${closes ? 'wrk.headers["connection"] = "close"' : ''}
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '${MARK}{"requests":%.0f,"durationUs":%.0f,"p50Us":%.0f,"p99Us":%.0f,"errors":%.0f}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`;
}

function parse(text: string): LoadResult {
  const report = parseObject(text);
  return {
    requests: field(report, 'requests'),
    durationMs: field(report, 'durationUs') / 1000,
    p50Ms: field(report, 'p50Us') / 1000,
    p99Ms: field(report, 'p99Us') / 1000,
    errors: field(report, 'errors'),
  };
}
