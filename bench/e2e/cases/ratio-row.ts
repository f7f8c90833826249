/** A row of the budget that holds one figure of evener against the same figure of a peer. */

import type { SystemName } from '../systems/system.ts';
import type { BudgetRow } from './bench-case.ts';

export function ratioRow(
  what: string,
  bound: BudgetRow['bound'],
  target: number,
  key: string,
  peer: SystemName,
): BudgetRow {
  return { what, unit: '', digits: 2, bound, target, figure: (of) => of('evener', key) / of(peer, key) };
}
