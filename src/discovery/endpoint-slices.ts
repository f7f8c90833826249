import type { KubernetesAddress } from '../config/source.ts';
import type { ServerOptions } from '../config/upstream.ts';

/** discovery.k8s.io/v1, as far as it is read. */
export interface EndpointSlice {
  readonly addressType?: string;
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[] | null;
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly conditions?: {
          /** Not given = it is. */
          readonly ready?: boolean | null;
          readonly serving?: boolean | null;
          readonly terminating?: boolean | null;
        };
        readonly zone?: string | null;
        readonly hints?: { readonly forZones?: readonly { readonly name: string }[] | null } | null;
      }[]
    | null;
}

/**
 * Every endpoint that is ready is a server. Those that are terminating but still serve are backups: they are for when
 * nobody else is there, as kube-proxy has it. The zone that an endpoint is meant to serve (its hint) counts before the one
 * that it stands in.
 */
export function serversOf(
  slices: readonly EndpointSlice[],
  address: KubernetesAddress,
  defaults: ServerOptions,
): ServerOptions[] {
  const servers = new Map<string, ServerOptions>();
  for (const { addressType, ports, endpoints } of slices) {
    if (addressType !== 'IPv4' && addressType !== 'IPv6') continue;
    const port = portOf(ports ?? [], address.port);
    if (port === null) continue;
    for (const { addresses = [], conditions = {}, zone, hints } of endpoints ?? []) {
      const isReady = conditions.ready ?? true;
      const isLeaving = conditions.terminating === true && conditions.serving === true;
      const [host] = addresses;
      if (host === undefined || !(isReady || isLeaving)) continue;
      const url = `${address.isTls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
      const isBackup = defaults.isBackup || !isReady;
      // While one moves from one slice to another it is in both.
      if (servers.get(url)?.isBackup === false && isBackup) continue;
      const own = hints?.forZones?.[0]?.name ?? zone ?? defaults.zone;
      servers.set(url, { url, weight: defaults.weight, isBackup, zone: own });
    }
  }
  return [...servers.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
}

/** Ports of a slice are those of the pods, by the name they have in the service. */
function portOf(ports: NonNullable<EndpointSlice['ports']>, wanted: string | null): number | null {
  const usable = ports.filter(({ port, protocol }) => port !== undefined && (protocol ?? 'TCP') === 'TCP');
  if (wanted === null) return usable.length === 1 ? usable[0]!.port! : null;
  if (/^\d+$/.test(wanted)) return usable.find(({ port }) => port === Number(wanted))?.port ?? null;
  return usable.find(({ name }) => name === wanted)?.port ?? null;
}
