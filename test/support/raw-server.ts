import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

/** A server of which every byte is the test's. */
export class RawServer {
  readonly server: net.Server;
  /** Connections accepted so far. */
  readonly accepted: RawClient[] = [];
  #taken = 0;

  private constructor(test: TestContext, server: net.Server) {
    this.server = server;
    const listener = (socket: net.Socket) => this.accepted.push(RawClient.accepted(test, socket));
    server.on('connection', listener);
    test.after(() => {
      server.close();
      for (const { socket } of this.accepted) socket.destroy();
    });
  }

  /** @param port 0 = any free one; a path = a Unix socket */
  static async listen(test: TestContext, port: number | string = 0): Promise<RawServer> {
    const server = net.createServer({ allowHalfOpen: true });
    const made = new RawServer(test, server);
    if (typeof port === 'string') server.listen(port);
    else server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return made;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get url(): string {
    const address = this.server.address();
    return typeof address === 'string' ? `unix:${address}` : `http://127.0.0.1:${this.port}`;
  }

  /** The next connection that this has not yet returned. */
  async next(): Promise<RawClient> {
    const at = this.#taken++;
    return until(`connection ${at + 1} to the server`, () => this.accepted[at]);
  }
}
