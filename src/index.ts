import { type EvenerOptions, resolveOptions } from './config/options.ts';
import { Supervisor } from './supervision/supervisor.ts';

export type { InFlightRequest, ListenerAddress } from './channel/messages.ts';
export type { App } from './config/app.ts';
export { defineConfig, type EvenerOptions, expectation } from './config/options.ts';
export { OPTIONS, type OptionKey, type OptionKind, type OptionSpec } from './config/schema.ts';
export { EvenerError, type EvenerErrorCode } from './core/evener-error.ts';
export type { SupervisorEvent, SupervisorListener, WorkerFacts } from './supervision/events.ts';
export type { Supervisor } from './supervision/supervisor.ts';

/**
 * Puts an app on several processes behind one balancer and keeps it up, once `start()` is called.
 *
 * Installs no signal handlers; the command line does that with `close()`, `kill()`, `reload()` and `scale()`.
 * @throws EvenerError EVENER_CONFIG_INVALID, EVENER_APP_NOT_FOUND or EVENER_USAGE
 */
export function createSupervisor(options: EvenerOptions): Supervisor {
  return new Supervisor(resolveOptions(options), {
    balancerScript: new URL('./balancer/main.js', import.meta.url),
    preload: new URL('./worker/preload.js', import.meta.url),
    stdout: process.stdout,
    stderr: process.stderr,
  });
}
