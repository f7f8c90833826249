import type { EvenerOptions } from './config/options.ts';
import { resolveOptions } from './config/resolve.ts';
import { supervisorOf } from './load.ts';
import type { Supervisor } from './supervision/supervisor.ts';

export type { InFlightRequest, ListenerAddress } from './channel/messages.ts';
export type { App } from './config/app.ts';
export type { AlertmanagerEntry, NotifyEntry, PagerDutyEntry, SlackEntry, WebhookEntry } from './config/notify.ts';
export {
  type AppEntry,
  type AppOptions,
  type CanaryEntry,
  type CanaryTerms,
  defineConfig,
  type EvenerOptions,
  type IncidentFunction,
  type PoolEntry,
  type ResolvedOptions,
  type Route,
  type ServersEntry,
} from './config/options.ts';
export type { RegisterEntry } from './config/register.ts';
export { expectation, OPTIONS, type OptionKey, type OptionKind, type OptionSpec } from './config/schema.ts';
export type { ServerEntry, UpstreamEntry } from './config/upstream.ts';
export { EvenerError, type EvenerErrorCode } from './core/evener-error.ts';
export type { Evidence, Incident, IncidentChange, IncidentKind, Severity } from './core/incident.ts';
export { type Balancer, type BalancerOptions, createBalancer } from './create-balancer.ts';
export type { SourceFacts } from './discovery/discovered-servers.ts';
export { type LoadedOptions, loadOptions, loadSupervisor, nameHere, type OptionsRequest } from './load.ts';
export type { IncidentListener, IncidentRing } from './observability/incident-ring.ts';
export type { CanaryReport } from './supervision/canary.ts';
export type { CrashKind, CrashReport } from './supervision/crash-report.ts';
export type { AppFacts, PoolFacts, SupervisorEvent, SupervisorListener, WorkerFacts } from './supervision/events.ts';
export type { HangReport, StackRefusal } from './supervision/hang-report.ts';
export { explanationText, hangDetails, hangSummary } from './supervision/hang-text.ts';
export type { WorkerExplanation } from './supervision/hung-workers.ts';
export type { DescriptorShortage } from './supervision/open-files.ts';
export type { PrintedError } from './supervision/printed-error.ts';
export type { ProcessActivity } from './supervision/process-look.ts';
export type { CanaryRequest, ReloadReport, ReloadRequest } from './supervision/reloader.ts';
export type { PoolView, ServerFacts } from './supervision/server-watch.ts';
export { ServiceManager, type ServiceManagerFacts, serviceManagerIn } from './supervision/service-manager.ts';
export type { StackFrame } from './supervision/source-maps.ts';
export type { Supervisor } from './supervision/supervisor.ts';
export { version } from './version.ts';

/**
 * Puts an app on several processes behind one balancer and keeps it up, once `start()` is called.
 *
 * Installs no signal handlers; the command line does that with `close()`, `kill()`, `reload()` and `scale()`.
 * @throws EvenerError EVENER_CONFIG_INVALID, EVENER_APP_NOT_FOUND or EVENER_USAGE
 */
export function createSupervisor(options: EvenerOptions): Supervisor {
  return supervisorOf(resolveOptions(options), async () => resolveOptions(options));
}
