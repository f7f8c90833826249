import { type Fields, isRecord } from './fields.ts';
import { bytesText, counted, spanText } from './format.ts';

/** What happened, in a sentence; for events that are not known here, their type in words. */
export function eventText(event: Fields): string {
  const { type } = event;
  switch (type) {
    case 'starting':
      return 'starting';
    case 'listening':
      return `listening${where(event.address)}`;
    case 'admin-listening':
      return `admin on ${event.url}`;
    case 'worker-ready':
      return `${who(event)} is ready, ${span(event.bootMs)} after its start`;
    case 'worker-died':
      return `${who(event)} died: ${said(event.cause)}; ${typeof event.replacedBy === 'number' ? `pid ${event.replacedBy} has its place` : restart(event.restartInMs)}`;
    case 'worker-settled':
      return `${who(event)} stays up, after ${counted(number(event.restarts), 'restart')}`;
    case 'worker-boot-failed':
      return `${who(event)} did not come up: ${said(event.reason)}; ${restart(event.restartInMs)}`;
    case 'worker-retired':
      return `${who(event)} ended`;
    case 'worker-stalled':
      return event.isTurning
        ? `${who(event)} is behind: requests wait there for ${span(event.silentMs)}; it gets no new ones`
        : `${who(event)} is stalled: silent for ${span(event.silentMs)}; it gets no new requests`;
    case 'worker-recovered':
      return `${who(event)} answers again after ${span(event.silentMs)}`;
    case 'worker-hung': {
      const then = event.isLeftAlone === true ? 'it is left alone' : 'it is ended';
      return `${who(event)} hangs: silent for ${span(event.silentMs)}; ${then}`;
    }
    case 'worker-too-large': {
      const [size, limit] = [bytesText(number(event.bytes)), bytesText(number(event.limitBytes))];
      return `${who(event)} has grown to ${size}, over the limit of ${limit}`;
    }
    case 'worker-awaited':
      return `${who(event)} does not listen yet wherever the one before it does, which stays for ${span(event.limitMs)} at most`;
    case 'worker-standing-by':
      return `${who(event)} stands by`;
    case 'worker-will-outgrow':
      return `${who(event)} will outgrow its limit of memory in ${span(event.inMs)}, as it grows now`;
    case 'worker-expired':
      return `${who(event)} is replaced: it has ${event.cause === 'age' ? 'run' : 'served'} long enough`;
    case 'worker-unreachable':
      return `${who(event)} is replaced: balancer thread ${number(event.thread)} cannot reach it`;
    case 'worker-restarting':
      return `${who(event)} is restarted`;
    case 'worker-drained':
      return `${who(event)} is drained`;
    case 'crash-loop':
      return `${said(event.app)}: no worker is up, clients get 503: ${said(event.reason)}`;
    case 'crash-loop-over':
      return `${said(event.app)} is serving again`;
    case 'request-quarantined':
      return `${said(event.method)} ${said(event.target)} is refused for ${span(event.forMs)}: it took ${counted(number(event.workers), 'worker')} down`;
    case 'request-released':
      return `a request that took workers down is let through again`;
    case 'server-down':
      return `${said(event.pool)}: ${said(event.server)} is ${said(event.state)}: ${said(event.reason)}`;
    case 'server-up':
      return `${said(event.pool)}: ${said(event.server)} is up`;
    case 'connections-limited':
      return event.why === 'address'
        ? 'an address has as many connections as it may'
        : 'there are as many client connections as there may be';
    case 'connections-limited-over':
      return `there is room for clients again: ${said(event.refused)} were refused`;
    case 'endpoint-ejected':
      return `${endpoint(event)} gets no requests for ${span(event.forMs)}: ${said(event.detail)}`;
    case 'endpoint-returned':
      return `${endpoint(event)} gets requests again`;
    case 'servers-changed':
      return `${said(event.pool)} has ${counted(number(event.servers), 'server')} now`;
    case 'source-failed':
      if (event.isPartial === true) {
        return `${said(event.pool)}: ${said(event.source)} is taken in part: ${said(event.reason)}`;
      }
      return `${said(event.pool)}: ${said(event.source)} does not say which servers there are: ${said(event.reason)}`;
    case 'source-works':
      return `${said(event.pool)}: ${said(event.source)} says again which servers there are`;
    case 'registered':
      return `known as ${said(event.url)} in ${said(event.registry)}`;
    case 'registration-failed':
      return `cannot make itself known in ${said(event.registry)}: ${said(event.reason)}`;
    case 'notifier-failed':
      return `${said(event.notifier)} does not get notices: ${said(event.reason)}`;
    case 'notifier-recovered':
      return `${said(event.notifier)} gets notices again`;
    case 'balancer-died':
      return `balancer thread ${said(event.thread)} died: ${said(event.cause)}; ${restart(event.restartInMs)}`;
    case 'port-lost':
      return `not listening any more${where(event.address)}: ${said(event.reason)}`;
    case 'port-back':
      return event.isOpen === true
        ? `listening again${where(event.address)}`
        : `not wanted any more${where(event.address)}`;
    case 'shedding':
      return `requests are refused for want of capacity: ${said(event.requests)} so far`;
    case 'shedding-over':
      return `no request is refused any more, after ${counted(number(event.requests), 'request')}`;
    case 'file-changed':
      return `${said(event.path)} has changed`;
    case 'watch-failed':
      return `not all files of the app can be watched: ${said(event.reason)}`;
    case 'reload-started':
      return event.workers === 0
        ? 'reload: applying the options'
        : `reload of ${counted(number(event.workers), 'worker')}`;
    case 'canary-serving':
      return `${who(event)} is tried out for ${span(event.forMs)}`;
    case 'reload-judged': {
      const then = event.verdict === 'back' ? 'it is taken back' : 'the reload goes on';
      return `${who(event)} was tried out for ${span(event.lastedMs)}: ${said(event.reason)}; ${then}`;
    }
    case 'reload-done':
      return `reload done in ${span(event.tookMs)}`;
    case 'reload-failed':
      return `reload failed, the workers of before go on: ${said(event.reason)}`;
    case 'options-taken-back':
      return `balancer threads died of the new options, and go on with those of before: ${said(event.cause)}`;
    case 'scaled':
      return `${said(event.app)} is scaled to ${counted(number(event.workers), 'worker')}${typeof event.why === 'string' ? `: ${event.why}` : ''}`;
    case 'draining':
      return 'stopping: finishing what is in flight';
    case 'stopped':
      return 'stopped';
    case 'failed':
      return said(event.reason);
    default:
      return otherText(event);
  }
}

/** `worker-too-large` -> `worker too large`. */
export function words(name: string): string {
  return name.replaceAll('-', ' ');
}

function otherText(event: Fields): string {
  const about = typeof event.slot === 'number' ? `${who(event)}: ` : '';
  const why = [event.reason, event.cause].find((one) => typeof one === 'string');
  return `${about}${words(said(event.type))}${why === undefined ? '' : `: ${said(why)}`}`;
}

function who({ app, slot, pid }: Fields): string {
  const of = typeof app === 'string' ? `${app} ` : '';
  return `${of}worker ${said(slot)}${number(pid) > 0 ? ` (pid ${said(pid)})` : ''}`;
}

function endpoint({ app, worker, server }: Fields): string {
  return `${said(app)}: ${server === null ? `worker ${said(worker)}` : said(server)}`;
}

function restart(ms: unknown): string {
  if (typeof ms !== 'number') return 'it is not restarted';
  return ms === 0 ? 'restarted at once' : `restarted in ${spanText(ms)}`;
}

function span(ms: unknown): string {
  return typeof ms === 'number' ? spanText(ms) : 'some time';
}

/** A port, or a path of a Unix socket. */
function where(address: unknown): string {
  if (!isRecord(address)) return '';
  return ` on ${address.path === null ? `port ${said(address.port)}` : said(address.path)}`;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function said(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?';
}
