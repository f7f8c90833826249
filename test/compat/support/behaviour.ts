import type net from 'node:net';
import type { TestContext } from 'node:test';
import type { RawClient } from '../../support/raw-client.ts';

/** One thing that an app may rely on: what it does, and what a client does to see it. */
export interface Behaviour {
  readonly name: string;
  /** Runs in the app's process. */
  serve(app: AppSide): void | Promise<void>;
  /** Runs in the test's. What it returns is compared, with all that the app has told by then if that was awaited. */
  meet(client: ClientSide): Promise<unknown>;
  /** Where Evener differs and cannot help it: the row of docs/transparency.md that says why. */
  readonly difference?: string;
  /** It does not differ under `evener/loopback`. */
  readonly isSameInLoopback?: true;
  /** Releases of Node that have it. Default: all. */
  readonly since?: number;
}

/** What the app's side of a behaviour is given. */
export interface AppSide {
  /** A folder of its own for Unix sockets. */
  readonly folder: string;
  /** Tells the test something. */
  tell(what: string, value?: unknown): void;
  /** Listens on any port of 127.0.0.1 and tells it. */
  listen<S extends net.Server>(server: S): S;
}

/** What the client's side of a behaviour is given. */
export interface ClientSide {
  readonly test: TestContext;
  /** The port of the server that was the nth to tell one, from 0. */
  port(index?: number): Promise<number>;
  /** What the app has told under this name the nth time, from 0. */
  told<T = unknown>(what: string, index?: number): Promise<T>;
  all(what: string): unknown[];
  /** A connection to the port of that index. `allowHalfOpen`: it goes on sending after the server's FIN. */
  connect(index?: number, allowHalfOpen?: boolean): Promise<RawClient>;
  /** Sends bytes on a connection of its own, and returns all that comes until the server closes it, the date taken out. */
  send(bytes: string, index?: number): Promise<string>;
}

/** A request's head that closes the connection after it. */
export function get(path: string, fields: string = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`;
}

/** The same with a body. */
export function post(path: string, body: string = 'body', fields: string = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** Runs it and says how it went: its value, or the error's code. */
export function attempt(act: () => unknown): unknown {
  try {
    const value = act();
    return typeof value === 'object' && value !== null ? 'fine' : (value ?? 'fine');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
