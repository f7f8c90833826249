import { factsOf, type Outcome } from '../core/outcome.ts';
import type { Dispatcher } from '../exchange/dispatcher.ts';
import { Exchange } from '../exchange/exchange.ts';
import type { ExchangeClient } from '../exchange/transport.ts';
import { UNKNOWN_METHOD } from '../http1/methods.ts';
import { Framing } from '../http1/request-head.ts';
import type { Peer } from '../link/frames.ts';
import { clientErrorOf } from './client-error.ts';
import type { Http1ResponseWriter } from './http1-response-writer.ts';

/** The connection that a malformed request came on. */
export interface RefusingConnection {
  readonly id: number;
  readonly peer: Peer;
  /** Gives our own answer: the app gave none. */
  refuseItself(outcome: Outcome): void;
  /** Closes so that the client can read what was written. */
  closeGently(): void;
  /** The app cut the connection. */
  closeNow(isReset: boolean): void;
  refusalDone(): void;
}

/** The app listens for 'clientError', and answers a malformed request in its own words: bytes, passed on as they are. */
export class AppRefusal implements ExchangeClient {
  readonly exchange: Exchange;
  readonly keepsAlive = false;
  readonly isSecure = false;
  readonly #connection: RefusingConnection;
  readonly #writer: Http1ResponseWriter;
  readonly #outcome: Outcome;

  constructor(
    connection: RefusingConnection,
    writer: Http1ResponseWriter,
    outcome: Outcome,
    dispatcher: Dispatcher,
    nowMs: number,
  ) {
    this.#connection = connection;
    this.#writer = writer;
    this.#outcome = outcome;
    this.exchange = new Exchange(
      this,
      dispatcher,
      {
        connectionId: connection.id,
        method: UNKNOWN_METHOD,
        minorVersion: 1,
        lines: '',
        targetOffset: 0,
        targetLength: 0,
        hasBody: false,
        wantsUpgrade: true,
        keepAlive: false,
        refusal: { connection: connection.id, ...clientErrorOf(outcome) },
      },
      nowMs,
    );
  }

  get peer(): Peer {
    return this.#connection.peer;
  }

  openTunnel(): void {
    this.#writer.framing = Framing.UntilClose;
  }

  respondBody(bytes: Buffer, start: number, end: number): void {
    this.#writer.cork(this.exchange.transport, this);
    this.#writer.body(bytes, start, end);
  }

  respondEnd(): void {
    this.#connection.closeGently();
  }

  respondError(): void {
    this.exchange.status = factsOf(this.#outcome).status;
    this.#connection.refuseItself(this.#outcome);
  }

  cut(_outcome: number, isReset: boolean = false): void {
    this.#connection.closeNow(isReset);
  }

  settle(): boolean {
    return this.#writer.settle();
  }

  exchangeDone(): void {
    this.#connection.refusalDone();
  }

  // An exchange that is not about a request takes no head from the endpoint, and has no body: never called.

  respondInterim(): void {}

  respond(): void {}

  declineTunnel(): void {}

  resumeBody(): void {}
}
