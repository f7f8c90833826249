import { once } from 'node:events';
import net from 'node:net';

/**
 * Below those that the kernel gives out by itself (32768 on Linux), of which another test may be given one at any time: to
 * connect from, or to listen on.
 */
const FIRST = 10_240;
const LAST = 32_767;

/** A port that nothing listens on, by the time of asking. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    const server = net.createServer().listen(port);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
