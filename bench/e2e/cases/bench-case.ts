/** One row or more of the performance budget, and how they are measured. */

import type { LoadGenerator } from '../load/load-generator.ts';
import type { Scratch } from '../scratch.ts';
import type { System, SystemName } from '../systems/system.ts';

export interface BenchCase {
  readonly name: string;
  readonly title: string;
  /** How it is measured, in a sentence or two; printed on the page beside the table. */
  readonly method: string;
  /** Measured unless the command line names others. */
  readonly systems: readonly SystemName[];
  /** Measured whatever the command line says, because the other figures are relative to it. */
  readonly references: readonly SystemName[];
  readonly figures: readonly Figure[];
  readonly panels: readonly Panel[];
  readonly budget: readonly BudgetRow[];
  /** One sample per system, in any order. What one system does wrong is its sample's failure and nobody else's. */
  measure(round: Round): Promise<Sample[]>;
}

/** A column of the table. */
export interface Figure {
  readonly key: string;
  readonly label: string;
  readonly digits: number;
}

/** A group of bars in the chart; more than one figure is stacked. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly figures: readonly string[];
  readonly digits: number;
  readonly isHigherBetter: boolean;
}

export interface BudgetRow {
  readonly what: string;
  readonly unit: string;
  readonly digits: number;
  readonly bound: '<=' | '>=';
  readonly target: number;
  /** From the figures of each system, once from the medians and once per round. NaN where one is missing. */
  figure(of: FigureOf): number;
  /** Why no run can measure it yet. */
  readonly absence?: string;
}

/** A system's figure, NaN where it was not measured. */
export type FigureOf = (system: SystemName, key: string) => number;

export interface Round {
  readonly index: number;
  readonly seconds: number;
  readonly systems: readonly System[];
  readonly load: LoadGenerator;
  readonly scratch: Scratch;
  /** Told each sample as it is taken. */
  report(sample: Sample): void;
}

export interface Sample {
  readonly system: SystemName;
  readonly figures: Readonly<Record<string, number>>;
  /** Requests that failed. A figure with errors beside it is marked. */
  readonly errors: number;
  /** Why there are no figures. */
  readonly failure: string | null;
}
