import { existsSync, readFileSync } from 'node:fs';

/** From our package.json, which is further up for a build made for tests. */
export function version(): string {
  for (let at = new URL('.', import.meta.url); at.pathname !== '/'; at = new URL('..', at)) {
    const file = new URL('package.json', at);
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}
