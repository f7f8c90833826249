/** From the samples of all rounds to medians, spreads and verdicts. */

import type { BenchCase, BudgetRow, FigureOf, Sample } from '../cases/bench-case.ts';
import { median } from '../percentile.ts';
import type { System, SystemName } from '../systems/system.ts';
import type { BudgetReport, CaseReport, Spread, SystemSummary } from './report.ts';

export function reportCase(
  benchCase: BenchCase,
  systems: readonly System[],
  rounds: readonly (readonly Sample[])[],
): CaseReport {
  const summaries = systems.map((system) => summarize(system, rounds));
  const { name, title, method, figures, panels, budget } = benchCase;
  const rows = budget.map((row) => judge(row, summaries, rounds));
  return { name, title, method, figures, panels, summaries, budget: rows, rounds };
}

function summarize({ name, label }: System, rounds: readonly (readonly Sample[])[]): SystemSummary {
  const samples = rounds.flat().filter(({ system }) => system === name);
  const keys = new Set(samples.flatMap(({ figures }) => Object.keys(figures)));
  const figures = [...keys].map(
    (key) => [key, spread(samples.flatMap((sample) => sample.figures[key] ?? []))] as const,
  );
  return {
    name,
    label,
    figures: Object.fromEntries(figures),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
    failures: [...new Set(samples.flatMap(({ failure }) => failure ?? []))],
  };
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function judge(
  row: BudgetRow,
  summaries: readonly SystemSummary[],
  rounds: readonly (readonly Sample[])[],
): BudgetReport {
  const { what, unit, digits, bound, target, absence } = row;
  const shared = { what, unit, digits, bound, target };
  const used = new Set<SystemName>();
  const value = row.figure((system, key) => {
    used.add(system);
    return summaries.find(({ name }) => name === system)?.figures[key]?.median ?? Number.NaN;
  });
  if (!Number.isFinite(value)) {
    const verdict = absence === undefined ? 'not measured' : 'not in this version';
    return { ...shared, figure: null, verdict, isMarked: false };
  }
  const perRound = rounds.map((samples) => row.figure(figureIn(samples))).filter(Number.isFinite);
  const isReached = bound === '<=' ? value <= target : value >= target;
  return {
    ...shared,
    figure: { median: value, min: Math.min(...perRound), max: Math.max(...perRound) },
    verdict: isReached ? 'reached' : 'not reached',
    isMarked: summaries.some(({ name, errors, failures }) => used.has(name) && errors + failures.length > 0),
  };
}

function figureIn(samples: readonly Sample[]): FigureOf {
  return (system, key) => samples.find((sample) => sample.system === system)?.figures[key] ?? Number.NaN;
}
