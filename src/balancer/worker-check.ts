import type { ClientRegistry } from '../clients/client-context.ts';
import type { Dispatcher } from '../exchange/dispatcher.ts';
import { Exchange, RESPONSE_HEAD } from '../exchange/exchange.ts';
import type { ExchangeClient } from '../exchange/transport.ts';
import { methodCode } from '../http1/methods.ts';
import type { Peer } from '../link/frames.ts';
import type { LinkTransport } from '../transports/link-transport.ts';
import type { Port } from './ports.ts';

/** A worker that has not answered by then has not passed. */
const CHECK_LIMIT_MS = 5_000;

/** Where the check belongs to. */
export interface CheckPlace {
  readonly port: Port;
  readonly dispatcher: Dispatcher;
}

/**
 * Sends GET to one worker, whether it may be picked or not.
 * @param onAnswer status of its answer; 0 when there was none. Called once
 */
export function checkWorker(
  link: LinkTransport,
  path: string,
  { port, dispatcher }: CheckPlace,
  clients: ClientRegistry,
  onAnswer: (status: number) => void,
): void {
  const lines = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: evener\r\nConnection: close\r\n`;
  const connectionId = clients.nextId();
  const client = new CheckClient(port.context.listenerId, (status) => {
    link.connectionClosed(connectionId, 'closed');
    onAnswer(status);
  });
  const exchange = new Exchange(
    client,
    dispatcher,
    {
      connectionId,
      method: methodCode(Buffer.from('GET'), 0, 3),
      minorVersion: 1,
      lines,
      targetOffset: 4,
      targetLength: path.length,
      hasBody: false,
      wantsUpgrade: false,
      keepAlive: false,
      refusal: null,
    },
    clients.clock.nowMs,
  );
  exchange.isPinned = true;
  client.exchange = exchange;
  client.timer = setTimeout(() => exchange.clientLeft(), CHECK_LIMIT_MS);
  exchange.open(link.endpoint, clients.clock.nowMs);
}

/** Takes the status of an answer, and lets the rest go by. */
class CheckClient implements ExchangeClient {
  readonly peer: Peer;
  readonly keepsAlive = false;
  readonly isSecure = false;
  exchange: Exchange | null = null;
  timer: NodeJS.Timeout | null = null;
  readonly #onAnswer: (status: number) => void;
  #status = 0;

  constructor(listener: number, onAnswer: (status: number) => void) {
    const local = { localAddress: '127.0.0.1', localPort: 0, localFamily: 'IPv4' };
    this.peer = { listener, remoteAddress: '127.0.0.1', remotePort: 0, remoteFamily: 'IPv4', ...local };
    this.#onAnswer = onAnswer;
  }

  respond(_bytes: Buffer, _start: number, headEnd: number, end: number): void {
    this.#status = RESPONSE_HEAD.status;
    this.exchange?.responseFlushed(end - headEnd);
  }

  respondBody(_bytes: Buffer, start: number, end: number): void {
    this.exchange?.responseFlushed(end - start);
  }

  exchangeDone(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.#onAnswer(this.#status);
  }

  settle(): boolean {
    return false;
  }

  respondInterim(): void {}
  respondEnd(): void {}
  respondError(): void {}
  cut(): void {}
  openTunnel(): void {}
  declineTunnel(): void {}
  resumeBody(): void {}
}
