/** All that a run found, as plain data: what the JSON file holds and what tables, page and chart are drawn from. */

import type { BudgetRow, Figure, Panel, Sample } from '../cases/bench-case.ts';
import type { Machine } from '../machine.ts';
import type { SystemName } from '../systems/system.ts';

/** Rises when a reader of an older file would misread a newer one. */
export const REPORT_FORMAT = 1;

export interface Report {
  readonly format: typeof REPORT_FORMAT;
  readonly date: string;
  readonly machine: Machine;
  readonly load: { readonly name: string; readonly version: string };
  readonly rounds: number;
  readonly seconds: number;
  readonly systems: readonly SystemReport[];
  readonly cases: readonly CaseReport[];
}

export interface SystemReport {
  readonly name: SystemName;
  readonly label: string;
  readonly version: string | null;
  /** What is not there and how to get it. */
  readonly missing: string | null;
}

export interface CaseReport {
  readonly name: string;
  readonly title: string;
  readonly method: string;
  readonly figures: readonly Figure[];
  readonly panels: readonly Panel[];
  readonly summaries: readonly SystemSummary[];
  readonly budget: readonly BudgetReport[];
  /** As measured: one list per round. */
  readonly rounds: readonly (readonly Sample[])[];
}

export interface SystemSummary {
  readonly name: SystemName;
  readonly label: string;
  readonly figures: Readonly<Record<string, Spread>>;
  readonly errors: number;
  readonly failures: readonly string[];
}

/** A figure over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export type Verdict = 'reached' | 'not reached' | 'not measured' | 'not in this version';

export interface BudgetReport extends Pick<BudgetRow, 'what' | 'unit' | 'digits' | 'bound' | 'target'> {
  /** From the medians, with the least and the most of any one round; null when not measured. */
  readonly figure: Spread | null;
  readonly verdict: Verdict;
  /** Errors or failed starts in a system that the figure is made of. */
  readonly isMarked: boolean;
}
