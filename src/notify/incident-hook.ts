import type { IncidentFunction } from '../config/options.ts';
import type { Incident, IncidentChange } from '../core/incident.ts';

/** Calls of an async hook that may be under way. */
const MAX_UNDER_WAY = 16;

/**
 * Calls the user's hook with every change of an incident, each with a copy of its own. What it throws or rejects with is
 * told once; while calls do not come to an end, further ones are left out.
 */
export class IncidentHook {
  readonly #hook: IncidentFunction;
  readonly #troubled: (reason: string) => void;
  #underWay = 0;
  #leftOut = 0;
  #isTroubled = false;

  constructor(hook: IncidentFunction, troubled: (reason: string) => void) {
    this.#hook = hook;
    this.#troubled = troubled;
  }

  /** Calls that were left out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Calls that are under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Not within this turn of the event loop: whoever raises an incident has something to do first. */
  hear(incident: Incident, change: IncidentChange): void {
    if (this.#underWay >= MAX_UNDER_WAY) {
      this.#leftOut++;
      this.#tell(`${MAX_UNDER_WAY} calls of it have not come to an end; others are left out`);
      return;
    }
    this.#underWay++;
    const copy = structuredClone(incident);
    setImmediate(() => void this.#call(copy, change));
  }

  async #call(incident: Incident, change: IncidentChange): Promise<void> {
    try {
      await this.#hook(incident, change);
    } catch (error) {
      this.#tell(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    } finally {
      this.#underWay--;
    }
  }

  #tell(reason: string): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#troubled(reason);
  }
}
