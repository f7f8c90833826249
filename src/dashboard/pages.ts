import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownFile } from '../core/own-files.ts';

/** A file of the dashboard, as it is answered. */
export interface DashboardPage {
  readonly type: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

const FOLDER = fileURLToPath(ownFile('dashboard/page/'));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Scripts and styles come from our own files alone, whatever an app's output or a request's target has in it, and no
 * script can turn text into markup.
 */
const POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // Kept, but asked for anew: the page belongs to the version that serves it.
  'cache-control': 'no-cache',
};

/** The files of the dashboard by path: the page at `/`, what it loads under `/assets/`. There is no secret in them. */
export function dashboardPages(): ReadonlyMap<string, DashboardPage> {
  const names = readdirSync(FOLDER).filter((name) => extname(name) in TYPES);
  return new Map(names.map((name) => [name === 'index.html' ? '/' : `/assets/${name}`, pageOf(name)]));
}

function pageOf(name: string): DashboardPage {
  const body = readFileSync(join(FOLDER, name));
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { type: TYPES[extname(name)]!, body, headers: { ...HEADERS, etag } };
}
