import type { WorkerBirth } from '../channel/worker-birth.ts';
import { setImmediate, setInterval, setTimeout } from '../core/timers.ts';
import { FlushTurn } from '../link/flush-turn.ts';
import { LINK_VERSION } from '../link/frames.ts';
import { APP_METRICS, LinkClient, type LinkListener } from './link-client.ts';
import type { LinkSocket } from './link-socket.ts';
import type { CapturableServer } from './node-http.ts';

/** Between two attempts to reach a balancer thread that is starting again. */
const REDIAL_MS = 50;

/**
 * A balancer thread that cannot be reached for so long will not come back: the supervisor is gone, and the guard with it.
 * Longer than the longest pause between two starts of a thread; where the parent has gone nobody has to be waited for.
 */
const GIVE_UP_MS = 60_000;
/** The same where the process that started this one is no more. */
const ORPHAN_GIVE_UP_MS = 1_000;

/** Settings of servers are looked at again this often: apps change them after listen(). */
const SETTINGS_MS = 1_000;

/** Whoever started this process: the supervisor, or a shell of a package command. */
const PARENT = process.ppid;

/** This worker's links, one to each balancer thread, and the listeners it has there. */
export class Links {
  readonly #birth: WorkerBirth;
  readonly #turn = new FlushTurn();
  readonly #listeners = new Map<number, LinkListener>();
  /** Listeners that keep the process alive. */
  readonly #refs = new Set<number>();
  readonly #clients: (LinkClient | null)[];
  /** Threads that it has been linked to. */
  readonly #reached = new Set<number>();
  readonly #lastSettings = new Map<number, string>();
  #nextListener = 1;

  constructor(birth: WorkerBirth) {
    this.#birth = birth;
    this.#clients = birth.linkPaths.map(() => null);
    for (let i = 0; i < birth.linkPaths.length; i++) this.#dial(i, 0);
    setInterval(() => {
      this.#tellSettings();
      APP_METRICS.look();
    }, SETTINGS_MS).unref();
    // What handlers have answered in the turn in which the app ends has to go out.
    process.on('exit', () => {
      for (const client of this.#clients) client?.writer.flush();
    });
  }

  add(listener: LinkListener): number {
    const id = this.#nextListener++;
    this.#refs.add(id);
    this.#ref();
    // Later in this turn: what the app sets right after listen() goes along.
    setImmediate(() => {
      if (!this.#refs.has(id) && !this.#listeners.has(id) && this.#removed.delete(id)) return;
      this.#listeners.set(id, listener);
      this.#lastSettings.set(id, JSON.stringify(listener.request()));
      for (const client of this.#clients) if (client?.wire.isConnected) client.listen(id, listener);
    });
    return id;
  }

  /** Tells the balancer that this one stays, now that its app knows that it listens. */
  stays(id: number): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) return;
    for (const client of this.#clients) if (client?.wire.isConnected) client.listen(id, listener);
  }

  remove(id: number, server: CapturableServer): void {
    if (!this.#listeners.delete(id)) this.#removed.add(id);
    this.#lastSettings.delete(id);
    for (const client of this.#clients) if (client?.wire.isConnected) client.unlisten(id, server);
    this.unref(id);
  }

  ref(id: number): void {
    this.#refs.add(id);
    this.#ref();
  }

  unref(id: number): void {
    this.#refs.delete(id);
    this.#ref();
  }

  *socketsOf(server: CapturableServer): Iterable<LinkSocket> {
    for (const client of this.#clients) if (client !== null) yield* client.socketsOf(server);
  }

  /** Dials at once where it would have been tried again. @param late threads that cannot have been reached so far */
  redial(late: ReadonlySet<number>): void {
    for (const [index, client] of this.#clients.entries()) {
      if (client === null || (late.has(index) && !client.wire.isConnected)) this.#dial(index, 0);
    }
  }

  /** Closed before they were told of. */
  readonly #removed = new Set<number>();

  #ref(): void {
    for (const client of this.#clients) {
      if (this.#refs.size > 0) client?.ref();
      else client?.unref();
    }
  }

  #dial(index: number, failingSinceMs: number): void {
    const { token, worker } = this.#birth;
    const hello = { version: LINK_VERSION, worker, token, pid: process.pid };
    let wasConnected = false;
    const client: LinkClient = new LinkClient(this.#birth.linkPaths[index]!, hello, this.#turn, this.#listeners, () => {
      if (this.#clients[index] !== client) return;
      const nowMs = performance.now();
      const sinceMs = failingSinceMs === 0 || wasConnected ? nowMs : failingSinceMs;
      this.#clients[index] = null;
      const patienceMs = process.ppid === PARENT ? GIVE_UP_MS : ORPHAN_GIVE_UP_MS;
      // Another worker, born with all rights, may. One that other threads reach goes on there until it is replaced.
      const isLost = !this.#reached.has(index) || this.#clients.every((other) => other === null);
      if (isLost && (client.wire.isBarred || nowMs - sinceMs > patienceMs)) process.exit(1);
      const redial = setTimeout(() => {
        if (this.#clients[index] === null) this.#dial(index, sinceMs);
      }, REDIAL_MS);
      if (this.#refs.size === 0) redial.unref();
    });
    client.wire.onceConnected(() => {
      wasConnected = true;
      this.#reached.add(index);
    });
    this.#clients[index] = client;
    this.#ref();
  }

  #tellSettings(): void {
    for (const [id, listener] of this.#listeners) {
      const settings = JSON.stringify(listener.request());
      if (settings === this.#lastSettings.get(id)) continue;
      this.#lastSettings.set(id, settings);
      for (const client of this.#clients) if (client?.wire.isConnected) client.listen(id, listener);
    }
  }
}
