/**
 * Put into the app's process by `--import`. Inert until something listens; then the process dials in.
 */
import { isMainThread } from 'node:worker_threads';
import { decodeWorkerBirth, WORKER_BIRTH_VARIABLE } from '../channel/worker-birth.ts';
import { APP_METRICS } from './link-client.ts';
import { Links } from './links.ts';
import { captureListen } from './listen-capture.ts';

const birth = decodeWorkerBirth(process.env[WORKER_BIRTH_VARIABLE]);

// The app's own threads inherit the preload; only its main thread serves.
if (birth !== null && isMainThread) {
  // What the app starts is none of our business, and the token none of the app's.
  if (!birth.travels) delete process.env[WORKER_BIRTH_VARIABLE];
  const links = {
    current: null as Links | null,
    dial(): Links {
      delete process.env[WORKER_BIRTH_VARIABLE];
      this.current ??= new Links(birth);
      return this.current;
    },
  };
  captureListen(links);
  APP_METRICS.watch();
}
