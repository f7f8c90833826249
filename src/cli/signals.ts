import type { Supervisor } from '../index.ts';

/**
 * The same signal again so soon is the same one: Ctrl-C reaches every process of a terminal, and npm passes on to us
 * what it gets.
 */
const ECHO_MS = 200;

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/**
 * Lets signals steer a supervisor: SIGTERM, SIGINT, SIGQUIT stop it, SIGHUP reloads, SIGTTIN and SIGTTOU scale. SIGUSR2
 * is taken and kept for later, so that it does not end us by its default.
 *
 * @param killed called when a second signal to stop arrives, after everything has been ended
 */
export function followSignals(supervisor: Supervisor, killed: () => void): void {
  let stopping: { readonly signal: NodeJS.Signals; readonly atMs: number } | null = null;
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      const now = performance.now();
      if (stopping === null) {
        stopping = { signal, atMs: now };
        void supervisor.close();
      } else if (signal !== stopping.signal || now - stopping.atMs > ECHO_MS) {
        void supervisor.kill().finally(killed);
      }
    });
  }
  // A failure is told as an event; a signal that comes before or after its time has no effect.
  process.on('SIGHUP', () => void supervisor.reload().catch(() => {}));
  process.on('SIGTTIN', () => scaleBy(supervisor, 1));
  process.on('SIGTTOU', () => scaleBy(supervisor, -1));
  process.on('SIGUSR2', () => {});
}

function scaleBy(supervisor: Supervisor, step: number): void {
  if (supervisor.isRunning) supervisor.scale(supervisor.workers + step);
}
