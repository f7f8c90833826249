import { STATUS_CODES } from 'node:http';
import { factsOf, type Outcome } from '../core/outcome.ts';

/** Seconds a refused client is asked to wait, RFC 9110 section 10.2.3. */
const RETRY_AFTER_SECONDS = 1;

export interface ErrorResponseOptions {
  /** The client's Accept names JSON. */
  readonly json: boolean;
  /** The connection is closed after it. */
  readonly close: boolean;
  /** Head only: the request was HEAD. */
  readonly headOnly: boolean;
  /** For 503; null = {@link RETRY_AFTER_SECONDS}. */
  readonly retryAfterSeconds: number | null;
}

/** The balancer's own answer to a request that no worker answers. Says what happened, nothing about our insides. */
export function errorResponse(outcome: Outcome, options: ErrorResponseOptions): string {
  const facts = factsOf(outcome);
  const title = STATUS_CODES[facts.status] ?? 'Error';
  const body = options.json
    ? `${JSON.stringify({ status: facts.status, error: title, code: facts.code, message: facts.meaning })}\n`
    : `${facts.status} ${title}: ${facts.meaning}\n`;
  const retryAfter = facts.status === 503 ? `Retry-After: ${options.retryAfterSeconds ?? RETRY_AFTER_SECONDS}\r\n` : '';
  return (
    `HTTP/1.1 ${facts.status} ${title}\r\n` +
    `Content-Type: ${options.json ? 'application/json' : 'text/plain; charset=utf-8'}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    retryAfter +
    `Connection: ${options.close ? 'close' : 'keep-alive'}\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${options.headOnly ? '' : body}`
  );
}

/** True when a request head (its text, latin1) prefers JSON to plain text, as far as its Accept names it at all. */
export function acceptsJson(head: string): boolean {
  const match = /\r\naccept:([^\r]*)/i.exec(head);
  if (match === null) return false;
  const accept = match[1]!.toLowerCase();
  const json = accept.search(/application\/(?:[\w.-]+\+)?json/);
  const text = accept.search(/text\/(?:html|plain)/);
  return json !== -1 && (text === -1 || json < text);
}
