import type { Exchange } from '../exchange/exchange.ts';
import { Method } from '../http1/methods.ts';
import { dateLine } from '../http1/proxied-response.ts';

/** Fields that a TRACE must not show to whoever can make a browser send one (RFC 9110 section 9.3.8). */
const SECRET = /^(?:authorization|proxy-authorization|cookie|max-forwards):/i;

/** Max-Forwards is 0: TRACE or OPTIONS is to go no further than to us (RFC 9110 section 7.6.2). */
export function answersItself(exchange: Exchange): boolean {
  return /\r\nmax-forwards:[ \t]*0+[ \t]*\r\n/i.test(exchange.lines);
}

/** What we answer as the one that was asked for. */
export function ownAnswer(exchange: Exchange): Buffer {
  // RFC 9112 section 9.3: an HTTP/1.0 client has to be told that its connection is kept.
  const kept = exchange.minorVersion === 0 && exchange.client.keepsAlive ? 'Connection: keep-alive\r\n' : '';
  const head = `HTTP/1.1 200 OK\r\n${dateLine()}${kept}`;
  if (exchange.method === Method.Options) {
    return Buffer.from(
      `${head}Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\nContent-Length: 0\r\n\r\n`,
    );
  }
  const body = `${exchange.lines
    .split('\r\n')
    .filter((line) => line !== '' && !SECRET.test(line))
    .join('\r\n')}\r\n\r\n`;
  return Buffer.from(`${head}Content-Type: message/http\r\nContent-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
}
