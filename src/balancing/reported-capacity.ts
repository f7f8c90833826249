/** A report older than that says nothing of now. */
const EXPIRY_MS = 180_000;

/** Before it has reported for so long a server is weighed like the average: its first answers are its slowest. */
const BLACKOUT_MS = 10_000;

/** What the smoothing forgets to half of. */
const HALF_LIFE_MS = 5_000;

/** Utilizations below this are noise, and dividing by them is worse. */
const LEAST_UTILIZATION = 0.01;

/** No report makes a server more, or less, than so many times the average. None is ever left without requests. */
const MOST_TIMES = 10;

/**
 * What one server can do, by its own reports: requests a second for a utilization of 1 (gRFC A58, "client-side weighted
 * round robin"). Smoothed, since a report is of one moment.
 */
export class ReportedCapacity {
  #utilization = -1;
  #rps = -1;
  #reportedAtMs = 0;
  #sinceMs = 0;

  /**
   * @param utilization 0 = idle, about 1 = full; may be more
   * @param rps requests a second that it serves, by its own account or by ours
   */
  report(utilization: number, rps: number, nowMs: number): void {
    if (this.#utilization < 0 || nowMs - this.#reportedAtMs > EXPIRY_MS) {
      this.#utilization = utilization;
      this.#rps = rps;
      this.#sinceMs = nowMs;
    } else {
      const kept = 0.5 ** ((nowMs - this.#reportedAtMs) / HALF_LIFE_MS);
      this.#utilization = this.#utilization * kept + utilization * (1 - kept);
      this.#rps = this.#rps * kept + rps * (1 - kept);
    }
    this.#reportedAtMs = nowMs;
  }

  /** Requests a second at full load; null while that is not known. */
  at(nowMs: number): number | null {
    if (this.#utilization < 0 || nowMs - this.#reportedAtMs > EXPIRY_MS || nowMs - this.#sinceMs < BLACKOUT_MS)
      return null;
    if (this.#rps <= 0) return null;
    return this.#rps / Math.max(this.#utilization, LEAST_UTILIZATION);
  }
}

/**
 * What each capacity is beside the average of those that are known, within bounds; 1 for one that is not known. With fewer
 * than two there is nothing to compare.
 */
export function capacityFactors(capacities: readonly (number | null)[]): number[] {
  const known = capacities.filter((capacity) => capacity !== null);
  if (known.length < 2) return capacities.map(() => 1);
  const mean = known.reduce((sum, capacity) => sum + capacity, 0) / known.length;
  return capacities.map((capacity) =>
    capacity === null ? 1 : Math.min(MOST_TIMES, Math.max(1 / MOST_TIMES, capacity / mean)),
  );
}
