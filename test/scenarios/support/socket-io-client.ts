import type { TestContext } from 'node:test';
import { io, type Socket } from 'socket.io-client';
import { DEADLINE_MS, until } from '../../support/until.ts';

export type SocketIoTransports = readonly ('polling' | 'websocket')[];

/** Clients of one test, closed at its end. To be made before the server is: that waits for them when it ends. */
export class SocketIoClients {
  readonly all: SocketIoClient[] = [];

  constructor(test: TestContext) {
    test.after(() => Promise.all(this.all.map((client) => client.close())));
  }

  open(count: number, url: string, transports: SocketIoTransports): SocketIoClient[] {
    const opened = Array.from({ length: count }, () => new SocketIoClient(url, transports));
    this.all.push(...opened);
    return opened;
  }

  async connect(count: number, url: string, transports: SocketIoTransports): Promise<SocketIoClient[]> {
    const opened = this.open(count, url, transports);
    await Promise.all(opened.map((client) => client.connected()));
    return opened;
  }
}

/** A client of test/fixtures/apps/socket-io.cjs. */
export class SocketIoClient {
  /** Every time that its session was lost, and why. */
  readonly losses: string[] = [];
  readonly #socket: Socket;

  constructor(url: string, transports: SocketIoTransports) {
    this.#socket = io(url, {
      transports: [...transports],
      forceNew: true,
      reconnectionDelay: 20,
      timeout: DEADLINE_MS,
    });
    this.#socket.on('disconnect', (reason) => this.losses.push(reason));
    this.#socket.on('connect_error', (error) => this.losses.push(error.message));
  }

  connected(): Promise<unknown> {
    return until(
      () => `a connection, after ${JSON.stringify(this.losses)}`,
      () => this.#socket.connected,
    );
  }

  /** The id of the worker that answers; null where nobody does. */
  async who(word: string): Promise<number | null> {
    const answer = (await this.#socket
      .timeout(DEADLINE_MS)
      .emitWithAck('who', word)
      .catch(() => null)) as {
      word: string;
      pid: number;
    } | null;
    return answer?.word === word ? answer.pid : null;
  }

  /** Has the server end it, whose answers to polls are out then. */
  async close(): Promise<void> {
    this.#socket.io.reconnection(false);
    if (this.#socket.connected) {
      this.#socket.emit('bye');
      await until('the end of the session', () => !this.#socket.connected).catch(() => {});
    }
    this.#socket.close();
  }

  get transport(): string {
    return this.#socket.io.engine.transport.name;
  }
}
