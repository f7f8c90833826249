import { Framing } from '../../src/http1/request-head.ts';

/** What a response head that was accepted says. */
export interface ResponseFacts {
  readonly status: number;
  readonly framing: Framing;
  readonly contentLength: number;
  readonly keepAlive: boolean;
}

/** What `HTTP/1.1 200 OK` without fields says. */
export const PLAIN_RESPONSE: ResponseFacts = {
  status: 200,
  framing: Framing.UntilClose,
  contentLength: -1,
  keepAlive: true,
};

/** `HTTP/1.1 200 OK` and these fields. */
export function ok(...fields: string[]): string {
  return `${['HTTP/1.1 200 OK', ...fields].join('\r\n')}\r\n\r\n`;
}

const CHUNKED = { framing: Framing.Chunked };

type Accepted = [section: string, what: string, head: string, facts: Partial<ResponseFacts>];

/** Response heads to be accepted, and what differs from {@link PLAIN_RESPONSE}. */
export const ACCEPTED_RESPONSES: readonly Accepted[] = [
  ['9112 4', 'the smallest response', ok(), {}],
  ['9112 4', 'an empty reason', 'HTTP/1.1 200 \r\n\r\n', {}],
  ['9112 4', 'no reason and no space, as some servers have it', 'HTTP/1.1 404\r\n\r\n', { status: 404 }],
  ['9112 4', 'a reason of many words and bytes', 'HTTP/1.1 404 N\xf6t\there, sorry!\r\n\r\n', { status: 404 }],
  ['9110 15', 'the smallest status', 'HTTP/1.1 100 Continue\r\n\r\n', { status: 100 }],
  ['9110 15', 'the largest status', 'HTTP/1.1 999 ?\r\n\r\n', { status: 999 }],
  ['9112 9.3', 'HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n', { keepAlive: false }],
  ['9112 9.3', 'HTTP/1.0 that is kept', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n', { keepAlive: true }],
  ['9112 9.6', 'close', ok('Connection: close'), { keepAlive: false }],
  ['9112 9.6', 'close in a list', ok('connection: a,\tClOsE , b'), { keepAlive: false }],
  ['9112 9.6', 'close before keep-alive', ok('Connection: close', 'Connection: keep-alive'), { keepAlive: false }],
  ['9112 9.6', 'options that only resemble close', ok('Connection: not-close, closed'), {}],
  ['9110 5.6.3', 'spaces and tabs round a value', ok('A: \t b \t '), {}],
  ['9110 5.5', 'empty values, and bytes of 0x80 and up', ok('A:', 'B: \xe9'), {}],
  ['9112 6.2', 'a length', ok('Content-Length: 5'), { framing: Framing.Length, contentLength: 5 }],
  ['9112 6.2', 'a length of nothing', ok('CONTENT-length: \t0 \t'), { framing: Framing.Length, contentLength: 0 }],
  ['9112 6.1', 'chunked', ok('Transfer-Encoding: chunked'), CHUNKED],
  ['9112 7', 'chunked in any case, among tabs', ok('TRANSFER-encoding:\tcHUNKED\t'), CHUNKED],
  ['9112 6.1', 'another coding, then chunked', ok('Transfer-Encoding: gzip, chunked'), CHUNKED],
  ['9112 6.1', 'the same in two fields', ok('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'), CHUNKED],
];

function each(section: string, field: string, values: string[]): [string, string, string][] {
  return values.map((value) => [section, `${field}: '${value}'`, ok(`${field}: ${value}`)]);
}

/** Response heads to be answered with 502 (RFC 9110 section 15.6.3). */
export const REFUSED_RESPONSES: readonly [section: string, what: string, head: string][] = [
  ['9112 4', 'a request', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['9112 4', 'an empty line first', `\r\n${ok()}`],
  ['9112 4', 'a space first', ` ${ok()}`],
  ['9112 2.3', 'a version in lower case', 'http/1.1 200 OK\r\n\r\n'],
  ['9112 2.3', 'HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['9112 2.3', 'HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
  ['9112 2.3', 'HTTP/0.9', 'HTTP/0.9 200 OK\r\n\r\n'],
  ['9112 4', 'two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n'],
  ['9112 4', 'a tab before the status', 'HTTP/1.1\t200 OK\r\n\r\n'],
  ['9112 4', 'a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['9112 4', 'a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['9112 4', 'a status of letters', 'HTTP/1.1 2x0 OK\r\n\r\n'],
  ['9112 4', 'a status under 100', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['9112 4', 'a negative status', 'HTTP/1.1 -10 OK\r\n\r\n'],
  ['9112 4', 'a tab after the status', 'HTTP/1.1 200\tOK\r\n\r\n'],
  ['9112 2.2', 'a bare LF after the status line', 'HTTP/1.1 200 OK\nA: b\r\n\r\n'],
  ['9112 2.2', 'a bare CR in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n'],
  ['9110 5.5', 'a NUL in the reason', 'HTTP/1.1 200 O\0K\r\n\r\n'],
  ['9112 2.2', 'a bare LF after a field', ok('A: b\nSet-Cookie: c')],
  ['9112 2.2', 'a bare CR in a value', ok('A: b\rc')],
  ['9112 2.2', 'a bare LF for the empty line', 'HTTP/1.1 200 OK\r\nA: b\r\n\n'],
  ['9112 2.2', 'a bare CR for the empty line', 'HTTP/1.1 200 OK\r\n\rA: b\r\n\r\n'],
  ['9110 5.5', 'a NUL in a value', ok('A: b\0')],
  ['9110 5.5', 'a DEL in a value', ok('A: b\x7f')],
  ['9112 5.2', 'obs-fold', ok('A: b', ' c')],
  ['9112 5.1', 'a space before the colon', ok('A : b')],
  ['9112 5', 'no colon', ok('A')],
  ['9112 5', 'an empty name', ok(': b')],
  ['9110 5.6.2', 'a name that is no token', ok('A(b): c')],
  ['9110 5.6.2', 'a byte of 0x80 and up in a name', ok('\xe9: b')],
  ...each('9112 6.3', 'Content-Length', [
    '',
    '+5',
    '-5',
    '5 5',
    '5, 5',
    '5,',
    '0x5',
    '5e0',
    '5.0',
    'five',
    '5:',
    '5/',
    '\xb2',
  ]),
  ...each('9112 6.3', 'Content-Length', ['1000000000000000', '18446744073709551621']),
  ['9110 8.6', 'two equal lengths', ok('Content-Length: 5', 'Content-Length: 5')],
  ['9112 6.3', 'two lengths', ok('Content-Length: 5', 'Content-Length: 6')],
  ['9112 6.3', 'a length and a coding', ok('Content-Length: 5', 'Transfer-Encoding: chunked')],
  ['9112 6.3', 'a coding and a length', ok('Transfer-Encoding: chunked', 'Content-Length: 5')],
  ...each('9112 6.1', 'Transfer-Encoding', [
    '',
    'identity',
    'gzip',
    'xchunked',
    'chunkedx',
    'chunked;q=1',
    '"chunked"',
  ]),
  ...each('9112 6.1', 'Transfer-Encoding', ['chunked, chunked', 'chunked, gzip', 'gzip chunked', 'gzip;chunked']),
  ...each('9112 6.1', 'Transfer-Encoding', ['chunked,', ',chunked', 'gzip,,chunked', 'x"chunked', 'chunked\xa0']),
  ['9112 6.1', 'chunked twice', ok('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
  ['9112 6.1', 'chunked, then another', ok('Transfer-Encoding: chunked', 'Transfer-Encoding: gzip')],
  ['9112 6.1', 'chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
];
