import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ResolvedOptions } from '../../index.ts';

/** Where the admin listener is put for probes, where the options put it nowhere. */
const ADMIN_PORT = 9000;
/** Where an app that decides its port by itself is put, since a container has to say it beforehand. */
const DEFAULT_PORT = 3000;

export type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'none';

/** What the templates are filled with. */
export interface DeployFacts {
  /** As it may stand in names of services, images and objects: lower case, digits, hyphens; 50 characters at most. */
  readonly slug: string;
  /** As the user calls the instance. */
  readonly name: string;
  /** What follows `evener` on the command line. */
  readonly args: readonly string[];
  /** Absolute. */
  readonly folder: string;
  /** Where clients come in; at least one. */
  readonly ports: readonly number[];
  /** The app decides by itself: `--port` has to be put into the command. */
  readonly isPortAssumed: boolean;
  /** Of the admin listener, which probes ask. */
  readonly adminPort: number;
  /** Rounded up. */
  readonly drainSeconds: number;
  /** Longest time from start to ready, rounded up; 0 = no limit. */
  readonly bootSeconds: number;
  /** Of all workers together; null = not limited. */
  readonly memoryBytes: number | null;
  /** How many workers at most; null = as many as there are cores. */
  readonly workers: number | null;
  readonly packageManager: PackageManager;
  /** `npm run build` is there to be run. */
  readonly hasBuild: boolean;
  /** Evener is among the dependencies of the app. */
  readonly isDependency: boolean;
  /** Whom the folder belongs to. */
  readonly ownerId: number;
}

/** @param args as they stood behind `evener init <target>` */
export function deployFacts(options: ResolvedOptions, args: readonly string[], folder: string): DeployFacts {
  const { apps, pools, name } = options;
  const known = [...apps.map(({ port }) => port), ...pools.map(({ listen }) => listen.port)];
  const fromEnvironment = Number(process.env.PORT ?? '');
  const ports = [...new Set(known.filter((port): port is number => port !== null && port > 0))];
  const assumed = fromEnvironment > 0 ? fromEnvironment : DEFAULT_PORT;
  const limits = apps.map(({ maxMemoryBytes, workers }) =>
    maxMemoryBytes === null ? Number.NaN : maxMemoryBytes * workers.max,
  );
  const memoryBytes = limits.reduce((sum, bytes) => sum + bytes, 0);
  const manifest = readManifest(folder);
  return {
    slug: slugOf(name),
    name,
    args,
    folder,
    ports: ports.length === 0 ? [assumed] : ports,
    isPortAssumed: ports.length === 0,
    adminPort: options.admin?.port || ADMIN_PORT,
    drainSeconds: Math.ceil(Math.max(0, ...apps.map(({ drainLimitMs }) => drainLimitMs)) / 1000),
    bootSeconds: apps.some(({ bootTimeoutMs }) => bootTimeoutMs === 0)
      ? 0
      : Math.ceil(Math.max(0, ...apps.map(({ bootTimeoutMs }) => bootTimeoutMs)) / 1000),
    memoryBytes: memoryBytes > 0 ? memoryBytes : null,
    workers: workersOf(options),
    packageManager: packageManagerIn(folder),
    hasBuild: typeof manifest.scripts?.build === 'string',
    isDependency: manifest.dependencies?.evener !== undefined,
    ownerId: statSync(folder).uid,
  };
}

/** Those that a container's own size decides are no number to be written down. */
function workersOf({ apps, origins }: ResolvedOptions): number | null {
  const written = origins.filter(({ key }) => /(^|\.)workers$/.test(key));
  if (apps.length === 0 || written.some(({ value }) => String(value).includes('auto'))) return null;
  return apps.reduce((sum, { workers }) => sum + workers.max, 0);
}

function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 50)
    .replace(/^-+|-+$/g, '');
  // A name of an object in Kubernetes begins with a letter.
  return /^[a-z]/.test(slug) ? slug : `app-${slug}`.replace(/-$/, '');
}

function packageManagerIn(folder: string): PackageManager {
  if (existsSync(join(folder, 'pnpm-lock.yaml'))) return 'pnpm';
  if (existsSync(join(folder, 'yarn.lock'))) return 'yarn';
  return existsSync(join(folder, 'package.json')) ? 'npm' : 'none';
}

interface Manifest {
  readonly scripts?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, unknown>>;
}

function readManifest(folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return {};
  }
}
