/** `npm run bench:policies`: every policy against an ideal shared queue, simulated. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { POLICY_NAMES } from '../../src/balancing/policies.ts';
import { optionOf } from '../../src/config/schema.ts';
import { docsDir } from '../e2e/repository.ts';
import { chartSvg } from './chart.ts';
import { figureTables } from './figures.ts';
import { run } from './run.ts';
import { SCENARIOS } from './scenario.ts';

const USAGE = `npm run bench:policies -- [options]

  --scenario <name,...>  ${SCENARIOS.map(({ name }) => name).join(', ')} (default: all)
  --policy <name,...>    ${POLICY_NAMES.join(', ')} (default: all)
  --write                all of it, into docs/policies.md and docs/policies.svg
  --help
`;

/** What stands between these lines of the page is written by this program. */
const BEGIN = '<!-- Figures: written by `npm run bench:policies -- --write`. -->';
const END = '<!-- End of figures. -->';

const { values } = parse();
const scenarios = chosen(
  values.scenario,
  SCENARIOS.map(({ name }) => name),
);
const policies = chosen(values.policy, POLICY_NAMES);
if (values.help) {
  process.stdout.write(USAGE);
} else if (values.write && (values.scenario ?? values.policy) !== undefined) {
  fail('--write writes all of it: leave --scenario and --policy out');
} else {
  const results = SCENARIOS.filter(({ name }) => scenarios.includes(name)).map((scenario) => {
    const startedAtMs = performance.now();
    const result = run(scenario, policies);
    process.stderr.write(`${scenario.title}: ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s\n`);
    return result;
  });
  const tables = figureTables(results);
  process.stdout.write(`${tables}\n`);
  if (values.write) {
    writeFileSync(join(docsDir, 'policies.svg'), chartSvg(results, optionOf('policy').default!));
    writeFigures(tables);
  }
}

function writeFigures(tables: string): void {
  const path = join(docsDir, 'policies.md');
  const page = readFileSync(path, 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) fail(`${path} has no place for figures`);
  writeFileSync(path, `${page.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${page.slice(end)}`);
}

function parse() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({ options: { scenario: text, policy: text, write: flag, help: flag } });
  } catch (error) {
    return fail((error as Error).message);
  }
}

function chosen(names: string | undefined, known: readonly string[]): readonly string[] {
  const all = names?.split(',') ?? known;
  for (const name of all) if (!known.includes(name)) fail(`'${name}' is none of ${known.join(', ')}`);
  return all;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exit(2);
}
