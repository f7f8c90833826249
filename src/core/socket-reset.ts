import type net from 'node:net';

/**
 * Closes a connection with a reset, so that its other end cannot take what it got for all there was. Without one where there
 * is none (Unix sockets), and where our own end is still under way: libuv refuses to reset that (EINVAL), and Node, which
 * takes it for closed by then, never closes it at all, not even when its thread is to end.
 */
export function resetSocket(socket: net.Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (isEnding || socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
