import { setTimeout } from '../core/timers.ts';

/** A WebSocket's client that does not answer our close frame is not waited for any longer. */
export const GOODBYE_MS = 3_000;
/**
 * What an app sends behind our close frame is thrown away as slowly as a client takes it that hardly reads. Were it gone at
 * once, an app that sends until it is held back would never stop.
 */
const THROW_AWAY_MS = 50;
/** The last fifth of the time is for those that take long to say goodbye. */
const SPREAD = 0.8;
/** Few are closed sooner: their clients come back one by one all the same. */
const GAP_MS = 250;

/** @param done the write's own callback */
export function throwAway(done: () => void): void {
  setTimeout(done, THROW_AWAY_MS);
}

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
  /** With which they are closed; 0 = they are not. */
  #code = 0;
  /** One that comes late is closed within that time. */
  #lateMs = 0;

  /** In place of what was begun before. @param withinMs time there is */
  begin(sockets: readonly WebSocketStream[], withinMs: number, code: number): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#code = code;
    this.#lateMs = Math.min(GAP_MS, withinMs * SPREAD);
    const gapMs = Math.min(GAP_MS, (withinMs * SPREAD) / sockets.length);
    this.#timers = sockets.map((socket, i) => {
      return setTimeout(() => socket.closeWebSocket(code), (i + Math.random()) * gapMs).unref();
    });
  }

  /** One was opened: by a client that was let in before this worker was to go. */
  opened(socket: WebSocketStream): void {
    const code = this.#code;
    if (code === 0) return;
    this.#timers.push(setTimeout(() => socket.closeWebSocket(code), Math.random() * this.#lateMs).unref());
  }
}
