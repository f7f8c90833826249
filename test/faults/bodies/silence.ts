import type net from 'node:net';

/** A connection on which nothing moves for so long hangs. More than any fault lasts, on any machine. */
const SILENCE_MS = 30_000;

/**
 * Sees to it that something moves while something is awaited.
 *
 * @param onSilence hears, in words, that nothing does: every second from then on
 * @returns to be cleared
 */
export function watchSilence(
  socket: net.Socket,
  isAwaiting: () => boolean,
  onSilence: (what: string) => void,
): NodeJS.Timeout {
  let moved = -1;
  let sinceMs = performance.now();
  return setInterval(() => {
    const nowMs = performance.now();
    const now = socket.bytesRead + socket.bytesWritten;
    if (now !== moved || !isAwaiting()) {
      moved = now;
      sinceMs = nowMs;
    } else if (nowMs - sinceMs > SILENCE_MS) {
      onSilence(`nothing has moved for ${SILENCE_MS / 1000} s`);
    }
  }, 1_000);
}
