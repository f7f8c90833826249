import type { WorkerSlot } from './worker-slot.ts';

/** A slot to be filled anew, and how long its present worker may take to finish what it has. */
export interface Replacement {
  readonly slot: WorkerSlot;
  readonly drainLimitMs: number;
}

/**
 * Replaces workers, so many at a time, each by one that is ready before it goes. The first failure is the last try: those
 * under way are seen to their end. A slot that is taken away meanwhile is none.
 * @throws EvenerError EVENER_RELOAD_FAILED of the first that failed
 */
export async function replaceRolling(replacements: readonly Replacement[], parallel: number): Promise<void> {
  const waiting = [...replacements];
  const failures: unknown[] = [];
  const one = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && failures.length === 0; next = waiting.shift()) {
      const { slot, drainLimitMs } = next;
      await slot.replace(drainLimitMs).catch((error: unknown) => {
        if (!slot.isRemoved) failures.push(error);
      });
    }
  };
  await Promise.all(Array.from({ length: parallel }, one));
  if (failures.length > 0) throw failures[0];
}
