/** Bytes on a connection, and all that may come of them. */
export interface WireCase {
  /** Name of its test. */
  readonly name: string;
  readonly bytes: string;
  /** Statuses of the answers, in order. */
  readonly answers: readonly number[];
  /** Whether the connection is closed after the last of them, or serves another request. */
  readonly isClosed: boolean;
  /** What reaches the app: methods and targets. */
  readonly reached: readonly string[];
  /** It is refused after its head, and may be so before it was given to the app. */
  readonly mayMiss?: boolean;
}

/** What a request would look like that nobody sent: appended to what must be refused, it must not be found. */
export const BAIT = 'GET /bait HTTP/1.1\r\nHost: bait\r\n\r\n';

/** A head of these lines. */
export function head(...lines: string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** `GET /` with a Host and these fields. */
export function get(...fields: string[]): string {
  return head('GET / HTTP/1.1', 'Host: a', ...fields);
}

/** `POST /` with a Host and these fields. */
export function post(...fields: string[]): string {
  return head('POST / HTTP/1.1', 'Host: a', ...fields);
}

/** One answer, nothing after it, and nothing for the app. */
export function refused(name: string, status: number, bytes: string): WireCase {
  return { name: `refuses ${name}`, bytes: bytes + BAIT, answers: [status], isClosed: true, reached: [] };
}

/** As many requests as reach the app, answered with 200 on a connection that is kept. */
export function accepted(name: string, bytes: string, ...reached: string[]): WireCase {
  return { name, bytes, answers: reached.map(() => 200), isClosed: false, reached };
}
