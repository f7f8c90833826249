import type net from 'node:net';
import type { Duplex } from 'node:stream';
import type tls from 'node:tls';
import type { CapturableServer } from './node-http.ts';

/**
 * The insides of `node:net` that a worker drives for servers of bytes. What Node does with an accepted connection it does
 * itself, with its own code; it is only given a handle that the link stands behind. All of it is the same in Node 20, 22,
 * 24 and 26.
 */
export interface NodeNet {
  /** Node's handle for streams that live in JavaScript. TLS, HTTP/2 and `net.Socket` run on it as on a kernel's socket. */
  readonly JSStream: new () => JSStreamHandle;
  /** Node's socket for any other stream, with such a handle. */
  readonly JSStreamSocket: new (
    stream: Duplex,
  ) => net.Socket;
  readonly tls: typeof tls;
  /** Where a handle keeps the server or socket that it belongs to. */
  readonly owner: symbol;
  /** Node's own way of accepting: `this` is the listening handle. Looks at maxConnections, emits 'connection' or 'drop'. */
  readonly onConnection: (this: object, status: number, handle: object) => void;
}

/** What a stream in JavaScript tells Node. Node calls `onreadstart` and its kin in turn. */
export interface JSStreamHandle {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Gives bytes to whoever reads. They are copied. */
  readBuffer(bytes: Uint8Array): void;
  /** Called for each piece, where a socket reads and nothing in C++; without memory it is the end. `this` is the handle. */
  onread: (memory: ArrayBuffer | undefined) => void;
  /** Whether a socket has it read. */
  reading: boolean;
  readStop(): number;
  emitEOF(): void;
  /** A write is over: 0 or a negative error number. Must not be called before the call that began it has returned. */
  finishWrite(request: object, status: number): void;
  finishShutdown(request: object, status: number): void;
}

let found: NodeNet | null = null;

/** Looked for when the first server of bytes listens, for it loads TLS. */
export function nodeNet(): NodeNet {
  found ??= find();
  return found;
}

function find(): NodeNet {
  const { Duplex: DuplexClass } = builtin<{ Duplex: typeof Duplex }>('node:stream');
  const tls = builtin<typeof import('node:tls')>('node:tls');
  const net = builtin<typeof import('node:net')>('node:net');

  // TLS over a stream that has no handle gives it one of this kind.
  const socket = new tls.TLSSocket(new DuplexClass({ read() {}, write: (_chunk, _encoding, done) => done() }) as never);
  const { _parent: stream, _parentWrap: wrap } = (
    socket as unknown as { _handle: { _parent: JSStreamHandle; _parentWrap: net.Socket } }
  )._handle;
  socket.destroy();

  // A server that finds a handle there takes it for its own.
  const server = net.createServer() as unknown as CapturableServer & { _listen2(...args: unknown[]): void };
  const handle = { listen: () => 0, close: (done?: () => void) => done?.(), onconnection: null as unknown };
  server._handle = handle;
  server._listen2(null, 0, 4, 0, -1, 0);
  const owner = Object.getOwnPropertySymbols(handle).find((symbol) => symbol.description === 'owner_symbol')!;
  return {
    JSStream: stream.constructor as NodeNet['JSStream'],
    JSStreamSocket: wrap.constructor as NodeNet['JSStreamSocket'],
    tls,
    owner,
    onConnection: handle.onconnection as NodeNet['onConnection'],
  };
}

function builtin<T>(name: string): T {
  return (process as unknown as { getBuiltinModule(name: string): T }).getBuiltinModule(name);
}
