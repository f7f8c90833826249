import { fileURLToPath } from 'node:url';

const DIST = new URL('../../../dist/', import.meta.url);

/** The command, as it is in the package. */
export const MAIN: string = fileURLToPath(new URL('cli/main.js', DIST));

/** What `evener/loopback` stands for. A URL. */
export const LOOPBACK: string = new URL('loopback/preload.js', DIST).href;
