import net from 'node:net';
import { Outcome } from '../core/outcome.ts';
import { errorResponse } from '../http1/error-response.ts';

/** So many at a time are answered; they take descriptors, of which there are few then. More are closed without a word. */
const MAX_ANSWERED = 32;

/** Closing with unread bytes makes the kernel send a reset that destroys the answer: so long they are read. ms */
const LINGER_MS = 1_000;

let answered = 0;

/** Answers 503 to a client that there is no room for, before it has asked anything, and closes. */
export function refuseInWords(handle: object): void {
  if (answered >= MAX_ANSWERED) {
    (handle as { close(): void }).close();
    return;
  }
  answered++;
  const socket = new net.Socket({ handle } as net.SocketConstructorOpts);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.on('error', () => {});
  socket.once('close', () => {
    clearTimeout(timer);
    answered--;
  });
  socket.end(errorResponse(Outcome.TooManyConnections, REFUSAL), 'latin1');
  // Its request, which it may be sending; at its end the socket closes by itself.
  socket.resume();
}

const REFUSAL = Object.freeze({ json: false, close: true, headOnly: false, retryAfterSeconds: null });
