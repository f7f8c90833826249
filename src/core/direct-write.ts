import type net from 'node:net';

/** A write under way, as Node's streams hand it to the handle. It belongs to the handle until it is complete. */
interface WriteRequest {
  oncomplete: () => void;
}

interface WritableHandle {
  /** `request` is null where the handle makes its own when it needs one (Node 26). */
  writeLatin1String(request: WriteRequest | null, text: string): number;
  /** Bytes that the kernel has not taken. */
  readonly writeQueueSize: number;
}

/** Longer text is not tried at once by Node, but queued; then its own way is as good. */
const MAX_TEXT = 16 * 1024;

/** The class of Node's write requests, found out at the first write there is. */
let makeRequest: (new () => WriteRequest) | null = null;

/** This Node's handles are written to in another way: everything goes through the stream. */
let isUnknown = false;

/** Nearly every write is complete when the call returns, and then the same request serves the next one as well. */
let spare: WriteRequest | null = null;

/**
 * Writes latin1 text to a connected socket without a detour over its stream, where nothing waits in that: 1 µs less a
 * write (34.6 to 32.5 µs a request for a server, which takes two writes). Whatever is unusual goes through the stream.
 */
export function writeText(socket: net.Socket, text: string): void {
  const { _handle: handle } = socket as unknown as { readonly _handle: WritableHandle | null };
  if (
    handle === null ||
    handle === undefined ||
    socket.writableLength > 0 ||
    socket.writableCorked > 0 ||
    socket.connecting ||
    socket.writableEnded ||
    isUnknown ||
    text.length > MAX_TEXT
  ) {
    socket.write(text, 'latin1');
    return;
  }
  if (spare === null) {
    if (makeRequest === null) {
      learnFrom(handle);
      socket.write(text, 'latin1');
      return;
    }
    spare = new makeRequest();
    spare.oncomplete = ignore;
  }
  // What fails is tried again by the stream, which then fails as usual.
  if (handle.writeLatin1String(spare, text) !== 0) socket.write(text, 'latin1');
  // The rest of it waits in the handle's queue, ahead of all that follows, and keeps the request.
  else if (handle.writeQueueSize > 0) spare = null;
}

/** Has a look at the request that comes with the next write of this handle. */
function learnFrom(handle: WritableHandle): void {
  const own = handle as { writeLatin1String?: WritableHandle['writeLatin1String'] };
  own.writeLatin1String = (request, text) => {
    delete own.writeLatin1String;
    if (request === null) isUnknown = true;
    else makeRequest = request.constructor as new () => WriteRequest;
    return handle.writeLatin1String(request, text);
  };
}

function ignore(): void {}
