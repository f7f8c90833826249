/** Runs cases over their rounds. Within a round the systems take turns, each round begins with another of them. */

import type { BenchCase, Sample } from './cases/bench-case.ts';
import type { LoadGenerator } from './load/load-generator.ts';
import { describeMachine } from './machine.ts';
import { reportCase } from './report/case-report.ts';
import { figureText } from './report/figure-text.ts';
import { type CaseReport, REPORT_FORMAT, type Report, type SystemReport } from './report/report.ts';
import type { Scratch } from './scratch.ts';
import { systems as allSystems } from './systems/all.ts';
import type { System, SystemName } from './systems/system.ts';

export interface RunSettings {
  readonly cases: readonly BenchCase[];
  /** Empty: those that each case names. */
  readonly systems: readonly SystemName[];
  readonly rounds: number;
  readonly seconds: number;
  readonly load: LoadGenerator;
  readonly scratch: Scratch;
  /** Told what is going on, a line at a time. */
  log(line: string): void;
}

export async function runBench(settings: RunSettings): Promise<Report> {
  const wanted = new Set(settings.cases.flatMap((benchCase) => systemsOf(benchCase, settings.systems)));
  const found = allSystems.filter((system) => wanted.has(system)).map(lookFor);
  for (const { label, missing } of found) {
    if (missing !== null) settings.log(`${label}: ${missing}`);
  }
  const cases: CaseReport[] = [];
  for (const benchCase of settings.cases) {
    const present = systemsOf(benchCase, settings.systems).filter(
      ({ name }) => found.find((system) => system.name === name)?.missing === null,
    );
    cases.push(await runCase(benchCase, present, settings));
  }
  return {
    format: REPORT_FORMAT,
    date: new Date().toISOString(),
    machine: describeMachine(),
    load: { name: settings.load.name, version: settings.load.version },
    rounds: settings.rounds,
    seconds: settings.seconds,
    systems: found,
    cases,
  };
}

function systemsOf({ systems, references }: BenchCase, chosen: readonly SystemName[]): System[] {
  const names = chosen.length === 0 ? systems : chosen;
  // A case without systems of its own is one that cannot be run yet.
  return systems.length === 0 ? [] : allSystems.filter(({ name }) => names.includes(name) || references.includes(name));
}

function lookFor(system: System): SystemReport {
  const finding = system.find();
  const { name, label } = system;
  return 'missing' in finding
    ? { name, label, version: null, missing: finding.missing }
    : { name, label, version: finding.version, missing: null };
}

async function runCase(
  benchCase: BenchCase,
  systems: readonly System[],
  { rounds, seconds, load, scratch, log }: RunSettings,
): Promise<CaseReport> {
  const samples: Sample[][] = [];
  for (let index = 0; systems.length > 0 && index < rounds; index++) {
    const first = index % systems.length;
    const report = (sample: Sample): void => {
      log(`${benchCase.name} ${index + 1}/${rounds} ${sampleText(benchCase, sample)}`);
    };
    const inTurn = [...systems.slice(first), ...systems.slice(0, first)];
    try {
      samples.push(await benchCase.measure({ index, seconds, systems: inTurn, load, scratch, report }));
    } catch (error) {
      // Something that the whole round rests on, such as its reference, did not run; the other cases still can.
      const failure = error instanceof Error ? error.message : String(error);
      const failed = inTurn.map(({ name }) => ({ system: name, figures: {}, errors: 0, failure }));
      failed.forEach(report);
      samples.push(failed);
    }
  }
  return reportCase(benchCase, systems, samples);
}

function sampleText({ figures }: BenchCase, sample: Sample): string {
  if (sample.failure !== null) return `${sample.system} failed: ${sample.failure}`;
  const measured = figures
    .filter(({ key }) => sample.figures[key] !== undefined)
    .map(({ key, label, digits }) => `${label} ${figureText(sample.figures[key]!, digits)}`);
  return `${sample.system}: ${measured.join(', ')}${sample.errors === 0 ? '' : `, ${sample.errors} errors !`}`;
}
