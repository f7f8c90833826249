import { RESPONSE_HEAD } from '../exchange/exchange.ts';
import { Method } from '../http1/methods.ts';
import { Framing } from '../http1/request-head.ts';

const FRAMING = /^(?:content-length|transfer-encoding|trailer):/i;

/** RFC 9112 section 6.3: how the client will find the end of the response whose head has just been parsed. */
export function framingOf(method: number, declared: Framing): Framing {
  const { status } = RESPONSE_HEAD;
  return method === Method.Head || status === 204 || status === 304 ? Framing.None : declared;
}

/**
 * The same head for a client that has to be told something else.
 *
 * @param closes the connection will be closed (RFC 9112 section 9.6)
 * @param isUnframed no field says where the body ends: there is none, or it ends with the connection
 */
export function rewrittenHead(head: string, closes: boolean, isUnframed: boolean): string {
  const lines = head.slice(0, -4).split('\r\n');
  const kept = lines.filter((line, i) => {
    if (i === 0) return true;
    return !(closes && /^(?:connection|keep-alive):/i.test(line)) && !(isUnframed && FRAMING.test(line));
  });
  if (closes) kept.push('Connection: close');
  return `${kept.join('\r\n')}\r\n\r\n`;
}
