import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { until } from '../../support/until.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly atMs: number;
}

/** Answers a request; one that does not leaves it hanging. */
export type Answer = (response: http.ServerResponse, received: Received, nth: number) => void;

/** A real HTTP server that keeps what it is sent. */
export class ReceivingServer {
  readonly received: Received[] = [];
  answer: Answer;
  readonly #server: http.Server;

  private constructor(server: http.Server, answer: Answer) {
    this.#server = server;
    this.answer = answer;
    server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
      let body = '';
      request.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const received = { method, path: url, headers, body, atMs: performance.now() };
        this.received.push(received);
        this.answer(response, received, this.received.length);
      });
    });
  }

  static async listen(
    context: TestContext,
    answer: Answer = (response) => response.end('ok'),
  ): Promise<ReceivingServer> {
    const server = http.createServer();
    const receiving = new ReceivingServer(server, answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    context.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return receiving;
  }

  /** Without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Bodies as JSON. */
  get bodies(): Record<string, unknown>[] {
    return this.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  }

  /** Waits until so many requests have come. */
  async has(count: number): Promise<void> {
    await until(
      () => `${count} requests, got ${this.received.map(({ body }) => body).join('\n')}`,
      () => this.received.length >= count,
    );
  }
}
