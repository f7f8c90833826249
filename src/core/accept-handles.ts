import type net from 'node:net';

/** A server's own handle, as far as accepting goes. */
interface ListeningHandle {
  onconnection: (status: number, handle: object | undefined) => void;
}

/**
 * Hands accepted connections over as bare handles, before Node wraps each in a socket that reads as a stream. For
 * servers that are listening.
 *
 * @param onError libuv's negative error number, such as that of EMFILE.
 */
export function acceptHandles(
  server: net.Server,
  onHandle: (handle: object) => void,
  onError: (errno: number) => void,
): void {
  const { _handle: handle } = server as unknown as { readonly _handle: ListeningHandle };
  handle.onconnection = (status, accepted) => {
    if (status !== 0 || accepted === undefined) onError(status);
    else onHandle(accepted);
  };
}
