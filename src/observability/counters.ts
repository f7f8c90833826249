import { OUTCOMES, type Outcome } from '../core/outcome.ts';

/** What one balancer thread counts. Plain numbers with one writer; copies are handed out. */
export class Counters {
  /** Client connections open now. */
  clients = 0;
  requests = 0;
  retried = 0;
  moved = 0;
  shed = 0;
  readonly outcomes: Float64Array = new Float64Array(OUTCOMES.length);

  finished(outcome: Outcome): void {
    this.outcomes[outcome]!++;
  }
}
