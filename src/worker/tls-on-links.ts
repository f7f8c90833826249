import type net from 'node:net';
import { nodeNet } from './node-net.ts';

interface WithWrapHandle {
  _wrapHandle(wrap: net.Socket | null, ...rest: unknown[]): unknown;
}

let isDone = false;

/**
 * Lets an app speak TLS on a connection that it has taken over (a proxy that opens what a CONNECT carries). For a
 * net.Socket Node takes its handle for one of C++'s, and falls back on the stream itself only where there is none; ours
 * are told to it as such streams.
 */
export function letTlsRunOn(sockets: abstract new (...args: never[]) => net.Socket): void {
  if (isDone) return;
  isDone = true;
  const { tls, JSStreamSocket } = nodeNet();
  const prototype = tls.TLSSocket.prototype as unknown as WithWrapHandle;
  const wrapHandle = prototype._wrapHandle;
  prototype._wrapHandle = function (wrap, ...rest) {
    if (!(wrap instanceof sockets)) return wrapHandle.call(this, wrap, ...rest);
    const stream = new JSStreamSocket(wrap);
    const { _handle: handle } = stream as unknown as { _handle: Record<string, unknown> };
    const { _handle: link } = wrap as unknown as { _handle: Record<string, (out: object) => number> };
    handle.getpeername = (out: object) => link.getpeername!(out);
    handle.getsockname = (out: object) => link.getsockname!(out);
    return wrapHandle.call(this, stream, handle, ...rest.slice(1));
  };
}
