import { durationText } from '../core/duration-text.ts';
import {
  type AppFacts,
  type DescriptorShortage,
  hangDetails,
  hangSummary,
  type ListenerAddress,
  type PoolFacts,
  type SupervisorEvent,
  type WorkerFacts,
} from '../index.ts';
import { printable } from './printable.ts';

/** A worker that dies so often in a row is no news any more. */
const MANY_RESTARTS = 4;

/** Turns what a supervisor tells into lines for people. One line per change of state. */
export class Narrator {
  readonly #write: (line: string) => void;
  /** Paths are told from here. */
  readonly #cwd: string;
  #hasBeenReady = false;
  /** Names of apps; where there are several, lines say which. */
  readonly #apps = new Set<string>();
  /** The same of pools of servers. */
  readonly #pools = new Set<string>();

  /**
   * @param write takes a line without its end; what belongs to it follows after a line break, indented
   * @param apps what is known of them before their start is told of
   */
  constructor(write: (line: string) => void, apps: readonly string[] = []) {
    this.#write = write;
    this.#cwd = process.cwd();
    for (const app of apps) this.#apps.add(app);
  }

  tell(event: SupervisorEvent): void {
    const line = this.#lineOf(event);
    if (line !== null) this.#write(printable(line));
  }

  #lineOf(event: SupervisorEvent): string | null {
    switch (event.type) {
      case 'starting': {
        for (const { app } of event.apps) this.#apps.add(app);
        for (const { pool } of event.pools) this.#pools.add(pool);
        const apps = event.apps.map((one) => this.#startText(one));
        const pools = event.pools.map((one) => `${this.#pools.size > 1 ? `${one.pool}: ` : ''}${poolText(one)}`);
        return `starting ${[...apps, ...pools].join('; ')}${shortageText(event.shortage)}`;
      }
      case 'listening':
        return `listening on ${addressText(event.address)}`;
      case 'worker-ready': {
        this.#hasBeenReady = true;
        if (event.restarts >= MANY_RESTARTS) return null;
        const after = event.failedStarts === 0 ? '' : `, after ${count(event.failedStarts, 'failed start')}`;
        if (event.inPlaceOf !== null) return `${this.#who(event)} takes the place of worker ${event.inPlaceOf}`;
        return `${this.#name(event)} ready (pid ${event.pid}, ${durationText(event.bootMs)}${after})`;
      }
      case 'worker-awaited': {
        const places = event.addresses.map(addressText).join(', ');
        return `${this.#who(event)} does not listen on ${places} yet, as the one before it does: that one stays for ${durationText(event.limitMs)} at most`;
      }
      case 'worker-standing-by':
        return `${this.#name(event)} stands by (pid ${event.pid}, ${durationText(event.bootMs)})`;
      case 'worker-died': {
        const lost = event.inFlightCount === 0 ? '' : `; ${count(event.inFlightCount, 'request')} in flight`;
        if (event.restarts > MANY_RESTARTS) return null;
        const quiet = event.restarts < MANY_RESTARTS ? '' : '; it keeps dying, more when it stays up';
        const next =
          event.replacedBy === null ? restartText(event.restartInMs) : `; pid ${event.replacedBy} has its place`;
        return `${this.#who(event)} died: ${event.cause}${lost}${next}${quiet}`;
      }
      case 'worker-settled':
        if (event.restarts < MANY_RESTARTS) return null;
        return `${this.#who(event)} stays up, after ${count(event.restarts, 'restart')}`;
      case 'worker-boot-failed':
        // Until one has been up this is the first start, whose failure is told as a whole.
        // A new worker of a reload is told of with the reload.
        if (!this.#hasBeenReady || event.failedStarts !== 1) return null;
        return `${this.#who(event)} did not come up: ${event.reason}${restartText(event.restartInMs)}`;
      case 'worker-retired':
        return `${this.#who(event)} ended`;
      case 'worker-stalled':
        return event.isTurning
          ? `${this.#who(event)} is behind: requests wait there for ${durationText(event.silentMs)}; it gets no new ones`
          : `${this.#who(event)} is stalled: silent for ${durationText(event.silentMs)}; it gets no new requests`;
      case 'worker-recovered':
        return `${this.#who(event)} answers again after ${durationText(event.silentMs)}`;
      case 'worker-hung': {
        const what = `silent for ${durationText(event.silentMs)}, ${hangSummary(event.report, this.#cwd)}`;
        const then = event.isLeftAlone ? 'left alone' : 'ending it';
        return [`${this.#who(event)} hangs: ${what}; ${then}`, ...hangDetails(event.report, this.#cwd)].join('\n    ');
      }
      case 'worker-too-large': {
        const [size, limit] = [event.bytes, event.limitBytes].map((bytes) => `${Math.round(bytes / 1e6)} MB`);
        return `${this.#who(event)} has grown to ${size}, over the limit of ${limit}; ${event.isKilled ? 'ending' : 'replacing'} it`;
      }
      case 'worker-will-outgrow': {
        const [size, limit] = [event.bytes, event.limitBytes].map((bytes) => `${Math.round(bytes / 1e6)} MB`);
        return `${this.#who(event)} grows: ${size} now, over the limit of ${limit} in about ${durationText(event.inMs)}`;
      }
      case 'worker-expired': {
        const what =
          event.cause === 'age' ? `is ${durationText(event.value)} old` : `has served ${event.value} requests`;
        return `${this.#who(event)} ${what}; replacing it`;
      }
      case 'worker-unreachable':
        return `${this.#who(event)} does not dial in to balancer thread ${event.thread} again; replacing it`;
      case 'request-released':
        return null;
      case 'request-quarantined': {
        const what = `${event.method} ${event.target}`;
        const all = event.scope === 'target' ? ', from whomever,' : '';
        const then = `it is answered with 503 for ${durationText(event.forMs)}`;
        return `${this.#appPrefix(event.app)}${what}${all} was in flight when ${event.workers} workers died or hung; ${then}`;
      }
      case 'crash-loop':
        return `${this.#appPrefix(event.app)}no worker is up, clients get 503 until one is: ${event.reason} (trying on, with growing pauses)`;
      case 'crash-loop-over':
        return `${this.#appPrefix(event.app)}serving again`;
      case 'server-down':
        return `${this.#server(event.pool, event.server)} gets no requests: ${event.reason}`;
      case 'server-up':
        return `${this.#server(event.pool, event.server)} is back`;
      case 'connections-limited': {
        const causes = {
          limit: 'as many as maxConnections allows',
          descriptors: 'as many as open files allow (ulimit -n)',
          address: 'as many from one address as it may have',
        };
        const then = {
          limit: 'idle ones are closed for others, then 503',
          descriptors: 'idle ones are closed for others; where none is, accepting pauses for up to a second, then 503',
          address: 'more of it get 503',
        };
        return `client connections: ${causes[event.why]}; ${then[event.why]}`;
      }
      case 'connections-limited-over':
        return `client connections: room again; ${event.refused} were refused, ${event.closed} idle ones closed for others${event.pauses === 0 ? '' : `, accepting paused ${event.pauses === 1 ? 'once' : `${event.pauses} times`}`}`;
      case 'endpoint-ejected':
        return `${this.#endpoint(event)} gets no requests for ${durationText(event.forMs)}: ${event.detail}`;
      case 'endpoint-returned': {
        if (event.cause === 'gone') return null;
        const why = event.cause === 'panic' ? ', for nobody else is left' : '';
        return `${this.#endpoint(event)} gets requests again after ${durationText(event.afterMs)}${why}`;
      }
      case 'server-gone':
        return null;
      case 'servers-changed':
        return changedText(event);
      case 'source-failed':
        if (event.isPartial) return `${event.source} is taken in part: ${event.reason}`;
        return `${event.source} does not say which servers there are, those that are known stay: ${event.reason}`;
      case 'source-works':
        return `${event.source} says again which servers there are`;
      case 'registered':
        return `known as ${event.url} in ${event.registry}`;
      case 'registration-failed':
        return `cannot make itself known in ${event.registry}: ${event.reason}; trying on`;
      case 'balancer-died':
        return `balancer thread ${event.thread} died${restartText(event.restartInMs)}: ${event.cause}`;
      case 'port-lost':
        return `no longer listening on ${addressText(event.address)}, and trying on: ${event.reason}`;
      case 'port-back':
        return event.isOpen ? `listening on ${addressText(event.address)} again` : null;
      case 'file-changed':
        return `${event.path} has changed`;
      case 'watch-failed':
        return `not all files of the app can be watched, a change of the others is not seen: ${event.reason}`;
      case 'worker-restarting':
        return `${this.#who(event)} is replaced, as asked`;
      case 'worker-drained':
        return `${this.#who(event)} drains, as asked; its place stays empty`;
      case 'access-log-failed':
        return `the access log cannot be written: ${event.reason}`;
      case 'access-log-rotation-failed':
        return `the access log has reached its limit and cannot be renamed, so it grows on: ${event.reason}`;
      case 'access-log-rotation-works':
        return 'the access log is within its limit again';
      case 'own-files-replaced':
        return 'its own files were removed or replaced since it started; it goes on as it is. Start it anew to run what is there now';
      case 'runtime-directory-restored':
        return `${event.path} was removed, or some of it; made again`;
      case 'runtime-directory-lost':
        return `${event.path} was removed and cannot be made again, so no worker can be replaced: ${event.reason}`;
      case 'access-log-works':
        return 'the access log is written again';
      case 'admin-listening':
        return `admin on ${event.url}`;
      case 'shedding':
        if (event.lastsMs > 0) return null;
        return `${this.#appPrefix(event.app)}refusing requests with 503: more come than can be taken`;
      case 'shedding-over':
        return `${this.#appPrefix(event.app)}refusing no more: ${count(event.requests, 'request')} in ${durationText(event.lastedMs)}`;
      case 'notifier-failed': {
        const { notifier, reason, isRetried } = event;
        return `notices do not reach ${notifier}: ${reason}${isRetried ? '; trying again' : ''}`;
      }
      case 'notifier-recovered':
        return `notices reach ${event.notifier} again${event.lost === 0 ? '' : `; ${count(event.lost, 'notice')} lost`}`;
      case 'reload-started': {
        const what = event.workers === 0 ? 'applying the options' : `replacing ${count(event.workers, 'worker')}`;
        const later =
          event.atNextStart.length === 0 ? '' : `; not before the next start: ${event.atNextStart.join(', ')}`;
        return `reload: ${what}${later}`;
      }
      case 'canary-serving': {
        const share = `${Math.round(event.share * 1000) / 10} %`;
        return `${this.#who(event)} is tried out with ${share} of the requests for ${durationText(event.forMs)}`;
      }
      case 'reload-judged': {
        const then = event.verdict === 'back' ? 'taking it back' : 'going on';
        return `${this.#who(event)} was tried out for ${durationText(event.lastedMs)}: ${event.reason}; ${then}`;
      }
      case 'reload-done':
        return `reload done in ${durationText(event.tookMs)}`;
      case 'reload-failed':
        return `reload failed, the workers of before go on: ${event.reason}`;
      case 'options-taken-back':
        return `balancer threads die of the options that the reload has brought, and go on with those of before: ${event.cause}`;
      case 'scaled':
        return `${this.#appPrefix(event.app)}scaled to ${count(event.workers, 'worker')}${event.why === null ? '' : `: ${event.why}`}`;
      case 'draining':
        return `stopping: finishing what is in flight, for at most ${durationText(event.limitMs)}`;
      case 'stopped':
        return 'stopped';
      case 'failed':
        return event.reason;
    }
  }

  #startText({ app, command, workers }: AppFacts): string {
    return `${this.#appPrefix(app)}${command}: ${count(workers, 'worker')}`;
  }

  #who(worker: WorkerFacts): string {
    return worker.pid === 0 ? this.#name(worker) : `${this.#name(worker)} (pid ${worker.pid})`;
  }

  #name({ app, slot }: WorkerFacts): string {
    // A reload may have brought it.
    this.#apps.add(app);
    return this.#apps.size > 1 ? `worker ${app}:${slot}` : `worker ${slot}`;
  }

  #endpoint({ app, worker, server }: { app: string; worker: number | null; server: string | null }): string {
    return server === null ? this.#name({ app, slot: worker ?? 0, pid: 0 }) : this.#server(app, server);
  }

  #server(pool: string, server: string): string {
    this.#pools.add(pool);
    return this.#pools.size > 1 ? `server ${server} of ${pool}` : `server ${server}`;
  }

  #appPrefix(app: string): string {
    return this.#apps.size > 1 ? `${app}: ` : '';
  }
}

function poolText({ servers, sources }: PoolFacts): string {
  const named = `${count(servers.length, 'server')}: ${servers.join(' ')}`;
  const found = `servers found by ${sources.join(' ')}`;
  return sources.length === 0 ? named : servers.length === 0 ? found : `${named}, and ${found}`;
}

const SHOWN_SERVERS = 5;

function changedText({ pool, added, removed, servers }: Extract<SupervisorEvent, { type: 'servers-changed' }>): string {
  const some = (sign: string, urls: readonly string[]): string[] => [
    ...urls.slice(0, SHOWN_SERVERS).map((url) => `${sign}${url}`),
    ...(urls.length > SHOWN_SERVERS ? [`${sign}${urls.length - SHOWN_SERVERS} more`] : []),
  ];
  const changes = [...some('+', added), ...some('-', removed)];
  const what = changes.length === 0 ? 'weights, zones or tiers have changed' : changes.join(' ');
  return `${pool} has ${count(servers, 'server')} now: ${what}`;
}

/** On a line of its own. */
function shortageText(shortage: DescriptorShortage | null): string {
  if (shortage === null) return '';
  const { limit, needed } = shortage;
  return (
    `\n    only ${limit} open files are allowed (ulimit -n), and ${needed} may be needed: clients may be turned away, ` +
    'and workers fail to start, for want of them; allow more, or start fewer workers'
  );
}

function restartText(delayMs: number | null): string {
  if (delayMs === null) return '';
  return delayMs === 0 ? '; restarting at once' : `; restarting in ${durationText(delayMs)}`;
}

function addressText({ host, port, path, protocol }: ListenerAddress): string {
  if (path !== null) return path;
  const isAny = host === null || host === '' || host === '::' || host === '0.0.0.0';
  const name = isAny ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${protocol === 'http' ? 'http' : 'tcp'}://${name}:${port}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
