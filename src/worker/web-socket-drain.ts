import { setTimeout } from '../core/timers.ts';

/** A WebSocket's client that does not answer our close frame is not waited for any longer. */
export const GOODBYE_MS = 3_000;
/** The last fifth of the time is for those that take long to say goodbye. */
const SPREAD = 0.8;
/** Few are closed sooner: their clients come back one by one all the same. */
const GAP_MS = 250;

/** A client's WebSocket. */
export interface WebSocketStream {
  /** Says goodbye to the client, between two frames of the app; nothing of the app follows. */
  closeWebSocket(code: number): void;
}

/**
 * Closes the WebSockets of a worker that is to go, one after the other, so that their clients do not all come back at once:
 * each in its own part of the time there is, at a moment in it that chance gives.
 */
export class WebSocketDrain {
  #timers: NodeJS.Timeout[] = [];

  /** In place of what was begun before. @param withinMs time there is */
  begin(sockets: readonly WebSocketStream[], withinMs: number, code: number): void {
    for (const timer of this.#timers) clearTimeout(timer);
    const gapMs = Math.min(GAP_MS, (withinMs * SPREAD) / sockets.length);
    this.#timers = sockets.map((socket, i) => {
      return setTimeout(() => socket.closeWebSocket(code), (i + Math.random()) * gapMs).unref();
    });
  }
}
