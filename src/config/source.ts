import { isIPv4, isIPv6 } from 'node:net';
import { parseDuration } from './quantities.ts';

/** In the environment of the instance: the password of etcd's user. Workers do not get it. */
export const ETCD_PASSWORD_VARIABLE = 'EVENER_ETCD_PASSWORD';

/** Where servers of a pool are found while it runs. */
export type SourceAddress = FileAddress | DnsAddress | SrvAddress | EtcdAddress | KubernetesAddress;

/** `file:///etc/servers.json`, or `file:servers.json` beside the config file. */
export interface FileAddress {
  readonly kind: 'file';
  /** As written until it is resolved. */
  readonly path: string;
}

/** How the system of names is asked. */
export interface Resolving {
  /** `address` or `address:port`; null = the machine's own. */
  readonly resolver: string | null;
  /** Answers are asked for anew after that, however long they say they hold. */
  readonly maxTtlMs: number;
  readonly isTls: boolean;
  /** 0 = both. */
  readonly family: 0 | 4 | 6;
}

/** `dns://api.internal:8080`: every A and AAAA record is a server. */
export interface DnsAddress extends Resolving {
  readonly kind: 'dns';
  readonly name: string;
  readonly port: number;
}

/** `dns+srv://_http._tcp.api.internal`: every SRV record is one server for each address of its target. */
export interface SrvAddress extends Resolving {
  readonly kind: 'srv';
  readonly name: string;
}

/** Members of an etcd cluster, and a prefix of keys. */
export interface EtcdAddress {
  readonly kind: 'etcd';
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[];
  readonly isTls: boolean;
  /** Without a slash at its end. */
  readonly prefix: string;
  /** Its password is in {@link ETCD_PASSWORD_VARIABLE}. */
  readonly user: string | null;
  /** Files in PEM; null = not given. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** `k8s://namespace/service:port`: the EndpointSlices of a service. */
export interface KubernetesAddress {
  readonly kind: 'kubernetes';
  readonly namespace: string;
  readonly service: string;
  /** Name or number; null = the only one there is. */
  readonly port: string | null;
  readonly isTls: boolean;
  /** File; null = KUBECONFIG, the user's own, or the account of the pod. */
  readonly kubeconfig: string | null;
  readonly context: string | null;
}

const SCHEME = /^(file|dns|dns\+srv|etcd|etcds|k8s):/;
const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
const KUBERNETES_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const DEFAULT_MAX_TTL_MS = 60_000;
const MIN_TTL_MS = 1_000;
const ETCD_PORT = '2379';

/** Whether it names a place where servers are found, rather than a server. */
export function isSource(text: string): boolean {
  return SCHEME.test(text);
}

/** @returns what is wrong with it where it names none */
export function parseSource(text: string): SourceAddress | string {
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme === undefined) return 'file:, dns://, dns+srv://, etcd://, etcds:// or k8s://';
  if (scheme === 'file') return parseFile(text.slice('file:'.length));
  const [, authority = '', path = '', query = ''] = /^[a-z0-9+]+:\/\/([^/?]*)(\/[^?]*)?(?:\?(.*))?$/.exec(text) ?? [];
  const parameters = new Map(new URLSearchParams(query));
  const address =
    scheme === 'dns'
      ? parseDns(authority, path, parameters)
      : scheme === 'dns+srv'
        ? parseSrv(authority, path, parameters)
        : scheme === 'k8s'
          ? parseKubernetes(authority, path, parameters)
          : parseEtcd(authority, path, parameters, scheme === 'etcds');
  const [stray] = parameters.keys();
  return typeof address !== 'string' && stray !== undefined ? `no ?${stray}, which ${scheme} does not know` : address;
}

function parseFile(rest: string): FileAddress | string {
  const path = rest.startsWith('//') ? rest.slice(2) : rest;
  const isWhole = path.startsWith('/') || !rest.startsWith('//');
  return path === '' || !isWhole
    ? 'a file, such as file:///etc/servers.json or file:servers.json'
    : { kind: 'file', path };
}

type Parameters = Map<string, string>;

function parseDns(authority: string, path: string, parameters: Parameters): DnsAddress | string {
  const match = /^([^:]+):(\d{1,5})$/.exec(authority);
  const port = Number(match?.[2]);
  if (match === null || !NAME.test(match[1]!) || port < 1 || port > 65_535 || path.length > 1) {
    return 'dns://name:port, such as dns://api.internal:8080';
  }
  const resolving = readResolving(parameters);
  return typeof resolving === 'string' ? resolving : { kind: 'dns', name: match[1]!, port, ...resolving };
}

function parseSrv(authority: string, path: string, parameters: Parameters): SrvAddress | string {
  if (!NAME.test(authority) || path.length > 1) {
    return 'dns+srv://name, such as dns+srv://_http._tcp.api.internal';
  }
  const resolving = readResolving(parameters);
  return typeof resolving === 'string' ? resolving : { kind: 'srv', name: authority, ...resolving };
}

function readResolving(parameters: Parameters): Resolving | string {
  const resolver = take(parameters, 'resolver');
  if (resolver !== null && !isResolver(resolver)) {
    return 'an address in ?resolver, such as 127.0.0.1:53 or [::1]:53';
  }
  const maxTtl = take(parameters, 'maxTtl');
  const maxTtlMs = maxTtl === null ? DEFAULT_MAX_TTL_MS : parseDuration(maxTtl);
  if (maxTtlMs === null || maxTtlMs < MIN_TTL_MS) return "a duration of 1s or more in ?maxTtl, such as '30s'";
  const isTls = readScheme(parameters);
  if (typeof isTls === 'string') return isTls;
  const family = take(parameters, 'family') ?? '0';
  if (!['0', '4', '6'].includes(family)) return '4 or 6 in ?family';
  return { resolver, maxTtlMs, isTls, family: Number(family) as 0 | 4 | 6 };
}

/** What `dns.Resolver` takes: anything else it throws at. */
function isResolver(text: string): boolean {
  const [, ipv4, ipv6 = '', port = '53'] = /^(?:([\d.]+)|\[([\da-f:.]+)\])(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const isAddress = ipv4 === undefined ? isIPv6(ipv6) : isIPv4(ipv4);
  return isAddress && Number(port) >= 1 && Number(port) <= 65_535;
}

/** `host:port,host:port/prefix`. */
function parseEtcd(authority: string, path: string, parameters: Parameters, isTls: boolean): EtcdAddress | string {
  const at = authority.lastIndexOf('@');
  const user = at === -1 ? null : decoded(authority.slice(0, at));
  if (user === undefined) return 'a user whose name is encoded as in any URL';
  if (user?.includes(':')) return `no password, which belongs into ${ETCD_PASSWORD_VARIABLE}`;
  const members = authority.slice(at + 1).split(',');
  const endpoints = members.map((member) => (/:\d+$/.test(member) ? member : `${member}:${ETCD_PORT}`));
  const prefix = path.replace(/\/+$/, '');
  if (!endpoints.every((one) => /^([\w.-]+|\[[0-9a-f:.]+\]):\d{1,5}$/i.test(one)) || prefix === '') {
    return 'etcd://host:port[,host:port]/prefix, such as etcd://127.0.0.1:2379/services/api';
  }
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => take(parameters, name)) as (string | null)[];
  if (!isTls && (ca ?? cert ?? key) !== null) return 'etcds:// where there are certificates';
  if ((cert === null) !== (key === null)) return 'a ?cert and its &key, or neither';
  return { kind: 'etcd', endpoints, isTls, prefix, user, ca: ca!, cert: cert!, key: key! };
}

function parseKubernetes(authority: string, path: string, parameters: Parameters): KubernetesAddress | string {
  const match = /^\/([^/:]+)(?::([a-z0-9-]{1,15}|\d{1,5}))?$/.exec(path);
  if (match === null || !KUBERNETES_NAME.test(authority) || !KUBERNETES_NAME.test(match[1]!)) {
    return 'k8s://namespace/service:port, such as k8s://default/api:http';
  }
  const isTls = readScheme(parameters);
  if (typeof isTls === 'string') return isTls;
  return {
    ...{ kind: 'kubernetes', namespace: authority, service: match[1]!, port: match[2] ?? null, isTls },
    ...{ kubeconfig: take(parameters, 'kubeconfig'), context: take(parameters, 'context') },
  };
}

function readScheme(parameters: Parameters): boolean | string {
  const scheme = take(parameters, 'scheme') ?? 'http';
  return scheme === 'http' || scheme === 'https' ? scheme === 'https' : 'http or https in ?scheme';
}

function take(parameters: Parameters, name: string): string | null {
  const value = parameters.get(name) ?? null;
  parameters.delete(name);
  return value;
}

/** undefined where it is not encoded as it should be. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Without what nobody is to see. */
export function shownSource(text: string): string {
  return text.replace(/^(etcds?:\/\/[^/@:]*):.*@/, '$1:(hidden)@');
}
