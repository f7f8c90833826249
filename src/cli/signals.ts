import { closeSync, openSync } from 'node:fs';
import type { Supervisor } from '../index.ts';

/**
 * The same signal again so soon is the same one: Ctrl-C reaches every process of a terminal, and npm passes on to us
 * what it gets.
 */
const ECHO_MS = 200;

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
const SIGNALS = [...STOP_SIGNALS, 'SIGHUP', 'SIGTTIN', 'SIGTTOU', 'SIGUSR2'] as const;

/**
 * Lets signals steer a supervisor: SIGTERM, SIGINT, SIGQUIT stop it, SIGHUP reloads, SIGTTIN and SIGTTOU scale. SIGUSR2
 * is taken and kept for later, so that it does not end us by its default.
 *
 * What NODE_OPTIONS loads for the app is loaded here, too, and may end its process on a signal, as tracing does once it
 * has sent what it has: its listeners are taken off.
 *
 * @param onKill called when a second signal to stop ends everything at once
 */
export function followSignals(supervisor: Supervisor, onKill: () => void): void {
  const hadTerminal = hasTerminal();
  let stopping: { readonly signal: NodeJS.Signals; readonly atMs: number } | null = null;
  const stop = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (stopping === null) {
      stopping = { signal, atMs: now };
      void supervisor.close();
    } else if (signal !== stopping.signal || now - stopping.atMs > ECHO_MS) {
      onKill();
      void supervisor.kill();
    }
  };
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  process.on('SIGHUP', (signal) => {
    // Its terminal was closed: that is an end, not a reload.
    if (hadTerminal && !hasTerminal()) stop(signal);
    // A failure is told as an event; before and after its time a reload has no effect.
    else supervisor.reload().catch(() => {});
  });
  process.on('SIGTTIN', () => scaleBy(supervisor, 1));
  process.on('SIGTTOU', () => scaleBy(supervisor, -1));
  process.on('SIGUSR2', () => {});
}

function scaleBy(supervisor: Supervisor, step: number): void {
  if (supervisor.isRunning) supervisor.scaleBy(step);
}

/** Whether there is a terminal that controls us; tty(4): opening this name fails where there is none. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
