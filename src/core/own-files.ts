import { existsSync } from 'node:fs';

/** One that lies at its place in every build. */
const KNOWN = 'balancer/main.js';

/** Modules are bundled for the package: this one lies somewhere below. */
const ROOT = rootAbove(new URL('.', import.meta.url));

/** A file of ours that is started, or read, by its name. @param path from the root of the build: `balancer/main.js` */
export function ownFile(path: string): URL {
  return new URL(path, ROOT);
}

function rootAbove(folder: URL): URL {
  for (let at = folder; at.pathname !== '/'; at = new URL('..', at)) {
    if (existsSync(new URL(KNOWN, at))) return at;
  }
  throw new Error(`evener is not installed whole: ${KNOWN} is missing above ${folder.pathname}`);
}
