/** Which load generator this machine has. */

import { findAutocannon } from './autocannon.ts';
import type { LoadGenerator } from './load-generator.ts';
import { findOha } from './oha.ts';
import { findWrk } from './wrk.ts';

/** The best one installed, or null. */
export function findLoadGenerator(): LoadGenerator | null {
  return findWrk() ?? findOha() ?? findAutocannon();
}
