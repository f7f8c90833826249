import { setInterval } from '../core/timers.ts';
import type { CapturableServer } from './node-http.ts';

/** A kept connection of an https server becomes idle again with each answer. */
const LOOK_MS = 500;

interface Http2Session {
  readonly closed: boolean;
  close(): void;
  once(event: 'close', listener: () => void): this;
}

/**
 * Ends connections that only the app's own server understands, once this worker is to go: idle ones of https servers are
 * closed, and the clients of HTTP/2 sessions are told to open no more streams (GOAWAY, RFC 9113 section 6.8), upon which
 * those end with their last one. To the balancer they are bytes, which may go on for ever.
 */
export class OwnProtocolDrain {
  readonly #watched = new WeakSet<CapturableServer>();
  readonly #https = new Set<CapturableServer>();
  readonly #sessions = new Set<Http2Session>();
  #isDraining = false;

  /** A server to which connections are passed on as bytes. */
  watch(server: CapturableServer): void {
    // Each link tells of it, and again whenever it listens.
    if (this.#watched.has(server)) return;
    this.#watched.add(server);
    const own = server as unknown as Record<string, unknown>;
    // Only servers of HTTP/2 have the one, and servers of HTTP/1 the other.
    if (typeof own.updateSettings === 'function') {
      server.prependListener('session', (session: Http2Session) => {
        this.#sessions.add(session);
        session.once('close', () => this.#sessions.delete(session));
        if (this.#isDraining) session.close();
      });
    } else if (typeof own.closeIdleConnections === 'function') {
      this.#https.add(server);
    }
  }

  begin(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const session of this.#sessions) if (!session.closed) session.close();
    if (this.#https.size === 0) return;
    this.#closeIdle();
    setInterval(() => this.#closeIdle(), LOOK_MS).unref();
  }

  #closeIdle(): void {
    for (const server of this.#https) (server as unknown as { closeIdleConnections(): void }).closeIdleConnections();
  }
}
