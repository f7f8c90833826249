/**
 * Put into the app's process, before the app. Inert until something listens; then the process dials in.
 */
import { AsyncResource } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import {
  decodeWorkerBirth,
  nodeOptionsWithout,
  preloadFlag,
  WORKER_BIRTH_VARIABLE,
  type WorkerBirth,
} from '../channel/worker-birth.ts';
import { APP_METRICS } from './link-client.ts';
import { Links } from './links.ts';
import { captureListen } from './listen-capture.ts';

const SELF = new URL(import.meta.url);

/** The inspector opens on SIGUSR1, which a worker gets when it hangs: on any free port of loopback, unless the user names one. */
const ASKS_FOR_INSPECTOR = /--inspect|--debug-port/;

/** How often, and how many times at most, it is looked whether balancer threads listen. */
const FILE_TURN_MS = 10;
const MAX_FILE_TURNS = 500;

const birth = decodeWorkerBirth(process.env[WORKER_BIRTH_VARIABLE]);

// The app's own threads inherit the preload; only its main thread serves.
if (!isMainThread) forgetFlag();
else if (birth !== null) prepare(birth);

function prepare(birth: WorkerBirth): void {
  if (!ASKS_FOR_INSPECTOR.test([process.env.NODE_OPTIONS, ...process.execArgv].join(' '))) process.debugPort = 0;
  // What the app starts is none of our business, and the token none of the app's.
  if (!birth.travels) forget();
  // A listener for 'message' is to keep the app running as little as it would without us, where there is no channel.
  if (!birth.travels) (process as { channel?: { unref(): void } }).channel?.unref();
  // Clients' events must not carry the async context in which the app happened to listen.
  const outside = new AsyncResource('EVENER');
  const links = {
    current: null as Links | null,
    travels: birth.travels,
    dial(): Links {
      if (birth.travels) forget();
      this.current ??= outside.runInAsyncScope(() => new Links(birth));
      return this.current;
    },
  };
  captureListen(links);
  if (!birth.travels) {
    dialBeforeRightsAreGivenUp(birth.linkPaths, (late) => {
      if (links.current === null) links.dial();
      else links.current.redial(late);
    });
  }
  APP_METRICS.watch();
}

/** The link is open to the user of the supervisor alone: an app that stops being root before it listens needs it before. */
function dialBeforeRightsAreGivenUp(paths: readonly string[], dial: (late: ReadonlySet<number>) => void): void {
  for (const name of ['setuid', 'seteuid', 'setgid', 'setegid'] as const) {
    const given = process[name];
    if (given === undefined) continue;
    process[name] = (id) => {
      if (process.geteuid!() === 0) dial(awaitFiles(paths));
      given(id);
    };
  }
}

/** A balancer thread that starts beside this process may not listen yet. Blocks. @returns indexes of those that did not */
function awaitFiles(paths: readonly string[]): ReadonlySet<number> {
  const late = new Set([...paths.keys()].filter((index) => !existsSync(paths[index]!)));
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let turns = 0; turns < MAX_FILE_TURNS && !paths.every((path) => existsSync(path)); turns++) {
    Atomics.wait(pause, 0, 0, FILE_TURN_MS);
  }
  return late;
}

/** Takes out of the process what its children would be born with. */
function forget(): void {
  delete process.env[WORKER_BIRTH_VARIABLE];
  const options = nodeOptionsWithout(SELF, process.env.NODE_OPTIONS);
  if (options === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = options;
  forgetFlag();
}

function forgetFlag(): void {
  const [flag, value] = preloadFlag(SELF);
  const at = process.execArgv.findIndex((word, i) => word === flag && process.execArgv[i + 1] === value);
  if (at !== -1) process.execArgv.splice(at, 2);
}
