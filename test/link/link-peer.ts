import type net from 'node:net';
import { FrameReader } from '../../src/link/frame-reader.ts';
import { FrameWriter } from '../../src/link/frame-writer.ts';
import { FrameRecorder } from './recorded-frames.ts';

/** One end of a link that is the test's: what it is sent is recorded, what it writes leaves at once. */
export function linkPeer(socket: net.Socket): { readonly received: FrameRecorder; readonly writer: FrameWriter } {
  const received = new FrameRecorder();
  const reader = new FrameReader(received);
  socket.on('data', (bytes: Buffer) => reader.read(bytes, 0, bytes.length));
  const writer = new FrameWriter({
    isCongested: false,
    send: (bytes) => socket.write(Buffer.from(bytes)),
    sendBoth: (first, second) => socket.write(Buffer.concat([first, second])),
    wake: () => {},
  });
  return { received, writer };
}
