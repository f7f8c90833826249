import type Http from 'node:http';
import type Https from 'node:https';
import { createRequire } from 'node:module';
import type Tls from 'node:tls';

const load = createRequire(import.meta.url);

/** Modules of Node's that take 5 to 15 ms to load each, for those who need them in few starts: loaded at their first use. */
export const LAZILY = {
  get http(): typeof Http {
    return load('node:http') as typeof Http;
  },
  get https(): typeof Https {
    return load('node:https') as typeof Https;
  },
  get tls(): typeof Tls {
    return load('node:tls') as typeof Tls;
  },
};
