/**
 * Makes every failure of docs/failures.md happen, one after another, and prints what was measured. Exits with 1 when a promise
 * was broken. Arguments: names of scenarios (default: all); `--write` puts the figures into docs/failures.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SCENARIOS } from './all.ts';
import { withFigures } from './page.ts';
import { FaultRig, type Figures, type Scenario } from './scenario.ts';

const PAGE = fileURLToPath(new URL('../../../docs/failures.md', import.meta.url));
const LIMIT_MS = 120_000;

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const writes = process.argv.includes('--write');
const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `no such scenario: ${unknown.join(', ')}; there are ${SCENARIOS.map((one) => one.name).join(', ')}\n`,
  );
  process.exit(2);
}

const figures = new Map<string, Figures>();
let broken = 0;
const startedAtMs = performance.now();
for (const scenario of SCENARIOS) {
  if (names.length > 0 && !names.includes(scenario.name)) continue;
  const beganAtMs = performance.now();
  try {
    const measured = await measure(scenario);
    figures.set(scenario.name, measured);
    const text = Object.entries(measured).map(([name, value]) => `${name} ${value}`);
    print(`kept    ${scenario.name.padEnd(18)} ${seconds(beganAtMs)}  ${text.join(', ')}`);
  } catch (error) {
    broken++;
    print(
      `BROKEN  ${scenario.name.padEnd(18)} ${seconds(beganAtMs)}  ${error instanceof Error ? error.message : error}`,
    );
  }
}
print(`${figures.size} kept, ${broken} broken, in ${seconds(startedAtMs).trim()}`);
if (writes) writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), SCENARIOS, figures));
process.exit(broken > 0 ? 1 : 0);

async function measure(scenario: Scenario): Promise<Figures> {
  const rig = new FaultRig();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    return await Promise.race([scenario.run(rig), limit]);
  } finally {
    clearTimeout(timer);
    await rig.cleanUp();
  }
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`.padStart(7);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
