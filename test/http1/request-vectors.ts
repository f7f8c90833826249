import { Outcome } from '../../src/core/outcome.ts';
import { Framing, type HeadLimits, MAX_FIELDS } from '../../src/http1/request-head.ts';

/** What the vectors are parsed with, unless they say otherwise. */
export const LIMITS: HeadLimits = { maxHeadBytes: 16 * 1024, maxFields: MAX_FIELDS, requireHost: true };

/** What a head that was accepted says. */
export interface Facts {
  readonly method: string;
  readonly target: string;
  readonly minorVersion: number;
  readonly framing: Framing;
  readonly contentLength: number;
  readonly keepAlive: boolean;
  readonly wantsUpgrade: boolean;
}

/** What `GET /` says. */
export const PLAIN: Facts = {
  method: 'GET',
  target: '/',
  minorVersion: 1,
  framing: Framing.None,
  contentLength: 0,
  keepAlive: true,
  wantsUpgrade: false,
};

/** A head of these lines. */
export function head(...lines: string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** `GET / HTTP/1.1` with a Host and these fields. */
function get(...fields: string[]): string {
  return head('GET / HTTP/1.1', 'Host: a', ...fields);
}

function post(...fields: string[]): string {
  return head('POST / HTTP/1.1', 'Host: a', ...fields);
}

type Accepted = [section: string, what: string, head: string, facts: Partial<Facts>, limits?: Partial<HeadLimits>];

/** Heads to be accepted, and what differs from {@link PLAIN} and {@link LIMITS}. */
export const ACCEPTED: readonly Accepted[] = [
  ['9112 3', 'the smallest request', head('GET / HTTP/1.1', 'Host:'), {}],
  ['9112 3.2.1', 'origin-form', head('GET /a/b?c=d&e HTTP/1.1', 'Host: a'), { target: '/a/b?c=d&e' }],
  [
    '9112 3.2.1',
    'origin-form that begins with two slashes',
    head('GET //a/../b HTTP/1.1', 'Host: a'),
    { target: '//a/../b' },
  ],
  ['9112 3.2.2', 'absolute-form', head('GET http://a:80/b?c HTTP/1.1', 'Host: a:80'), { target: 'http://a:80/b?c' }],
  [
    '9112 3.2.2',
    'absolute-form with a query and no path',
    head('GET http://[::1]:80?b HTTP/1.1', 'Host: a'),
    { target: 'http://[::1]:80?b' },
  ],
  ['9112 3.2.2', 'absolute-form without a path', head('GET http://a HTTP/1.1', 'Host: a'), { target: 'http://a' }],
  [
    '9110 4.2.3',
    'absolute-form, scheme in any case',
    head('GET HTTPS://a/ HTTP/1.1', 'Host: a'),
    { target: 'HTTPS://a/' },
  ],
  [
    '9112 3.2.3',
    'authority-form',
    head('CONNECT a.example:443 HTTP/1.1', 'Host: a.example'),
    { method: 'CONNECT', target: 'a.example:443', wantsUpgrade: true },
  ],
  [
    '9112 3.2.3',
    'authority-form with an IPv6 address',
    head('CONNECT [::1]:443 HTTP/1.1', 'Host: [::1]'),
    { method: 'CONNECT', target: '[::1]:443', wantsUpgrade: true },
  ],
  ['9112 3.2.4', 'asterisk-form', head('OPTIONS * HTTP/1.1', 'Host: a'), { method: 'OPTIONS', target: '*' }],
  [
    '9110 9.3.7',
    'OPTIONS of one resource',
    head('OPTIONS /a HTTP/1.1', 'Host: a'),
    { method: 'OPTIONS', target: '/a' },
  ],
  [
    '3986 2.1',
    'percent-encodings, left as they are',
    head('GET /%2e%2E/%00%zz?%0d%0a HTTP/1.1', 'Host: a'),
    { target: '/%2e%2E/%00%zz?%0d%0a' },
  ],
  ['9110 9.1', 'a method with a hyphen', head('M-SEARCH / HTTP/1.1', 'Host: a'), { method: 'M-SEARCH' }],
  ['9110 9.1', 'the longest method', head('UNSUBSCRIBE / HTTP/1.1', 'Host: a'), { method: 'UNSUBSCRIBE' }],
  ['9112 2.2', 'one empty line before', `\r\n${get()}`, {}],
  ['9112 2.2', 'four empty lines before', `\r\n\r\n\r\n\r\n${get()}`, {}],
  ['9112 2.3', 'HTTP/1.0 without Host', head('GET / HTTP/1.0'), { minorVersion: 0, keepAlive: false }],
  ['9112 3.2', 'HTTP/1.1 without Host, to an app that allows it', head('GET / HTTP/1.1'), {}, { requireHost: false }],
  ['9112 5.1', 'no space after the colon', get('A:b'), {}],
  ['9110 5.6.3', 'spaces and tabs round a value', get('A: \t b \t '), {}],
  ['9110 5.5', 'an empty value', get('A:', 'B: \t '), {}],
  ['9110 5.5', 'bytes of 0x80 and up in a value', get('A: \x80\xe9\xff'), {}],
  ['9110 5.6.2', 'every byte that a name may hold', get("!#$%&'*+-.^_`|~09AZaz: b"), {}],
  ['9110 5.5', 'a colon first in a value', get('A::b'), {}],
  ['9112 3.2', 'a Host with a port', head('GET / HTTP/1.1', 'hOsT: a.example:8080'), {}],
  ['3986 3.2.2', 'a Host that is an IPv6 address', head('GET / HTTP/1.1', 'Host: [2001:db8::1]:80'), {}],
  ['3986 3.2.2', 'a Host of all that a reg-name may hold', head('GET / HTTP/1.1', "Host: a-._~!$&'()*+,;=%20"), {}],
  ['9112 6.2', 'a length', post('Content-Length: 5'), { method: 'POST', framing: Framing.Length, contentLength: 5 }],
  [
    '9112 6.2',
    'a length among spaces and tabs',
    post('content-LENGTH:\t 5 \t'),
    { method: 'POST', framing: Framing.Length, contentLength: 5 },
  ],
  ['9112 6.2', 'a length of nothing', post('Content-Length: 0'), { method: 'POST' }],
  [
    '9110 8.6',
    'a length with leading zeros',
    post('Content-Length: 0005'),
    { method: 'POST', framing: Framing.Length, contentLength: 5 },
  ],
  [
    '9110 8.6',
    'the largest length',
    post('Content-Length: 999999999999999'),
    { method: 'POST', framing: Framing.Length, contentLength: 999_999_999_999_999 },
  ],
  ['9110 9.3.1', 'a GET with a body', get('Content-Length: 5'), { framing: Framing.Length, contentLength: 5 }],
  ['9112 6.3', 'a POST without a body', post(), { method: 'POST' }],
  ['9112 6.1', 'chunked', post('Transfer-Encoding: chunked'), { method: 'POST', framing: Framing.Chunked }],
  ['9112 7', 'chunked in any case', post('TRANSFER-encoding: cHuNkEd'), { method: 'POST', framing: Framing.Chunked }],
  [
    '9110 5.6.3',
    'chunked among tabs',
    post('Transfer-Encoding:\tchunked\t'),
    { method: 'POST', framing: Framing.Chunked },
  ],
  ['9112 9.6', 'close', get('Connection: close'), { keepAlive: false }],
  ['9112 9.6', 'close in a list, in any case', get('Connection: foo ,\tCLOSE,bar'), { keepAlive: false }],
  [
    '9112 9.6',
    'close in the second of two fields',
    get('Connection: keep-alive', 'Connection: close'),
    { keepAlive: false },
  ],
  ['9110 7.6.1', 'options that hold close and more', get('Connection: "close", close x, x close, close;, (close)'), {}],
  ['9110 5.6.1', 'close among empty options', get('Connection: , ,\tclose\t,,'), { keepAlive: false }],
  ['9110 7.6.1', 'options that only resemble close', get('Connection: closed, not-close, xclose'), {}],
  ['9112 9.3', 'HTTP/1.0 that asks to be kept', head('GET / HTTP/1.0', 'Connection: Keep-Alive'), { minorVersion: 0 }],
  [
    '9112 9.3',
    'HTTP/1.0 that asks for both',
    head('GET / HTTP/1.0', 'Connection: keep-alive, close'),
    { minorVersion: 0, keepAlive: false },
  ],
  ['9110 7.8', 'an upgrade', get('Connection: keep-alive, Upgrade', 'Upgrade: websocket'), { wantsUpgrade: true }],
  ['9110 7.8', 'Upgrade without the option', get('Upgrade: h2c'), {}],
  ['9110 7.8', 'no option but a part of one', get('Connection: (upgrade), x upgrade', 'Upgrade: h2c'), {}],
  [
    '9110 7.8',
    'an upgrade and an empty one',
    get('Upgrade: h2c', 'Upgrade:', 'Connection: upgrade'),
    { wantsUpgrade: true },
  ],
  ['9110 7.8', 'the option without Upgrade', get('Connection: upgrade'), {}],
  ['9110 7.8', 'the option with an empty Upgrade', get('Connection: upgrade', 'Upgrade:'), {}],
  ['9110 10.1.1', 'an expectation', post('Expect: 100-Continue'), { method: 'POST' }],
  ['9110 10.1.1', 'an expectation that nobody knows', post('Expect: 200-ok'), { method: 'POST' }],
  [
    '9112 6.1',
    'names that only resemble those of framing',
    post('Transfer_Encoding: x', 'Content-Lengthy: x', 'X-Host: /'),
    { method: 'POST' },
  ],
  ['6585 5', 'as many fields as allowed', get('A: 1', 'A: 2'), {}, { maxFields: 3 }],
  ['6585 5', 'as many bytes as allowed', head('GET / HTTP/1.1', 'Host: a'), {}, { maxHeadBytes: 27 }],
  [
    '6585 5',
    'as many bytes as allowed after an empty line',
    `\r\n${head('GET / HTTP/1.1', 'Host: a')}`,
    {},
    { maxHeadBytes: 27 },
  ],
];

const { ClientBadRequest, ClientMethodUnknown, ClientVersionUnknown } = Outcome;
const { ClientTargetTooLong, ClientHeadTooLarge, ClientCodingUnknown } = Outcome;

type Refused = [section: string, what: string, head: string, outcome: Outcome, limits?: Partial<HeadLimits>];

/** A vector for each value of one field. */
function each(section: string, what: string, field: string, outcome: Outcome, values: string[]): Refused[] {
  return values.map((value) => [section, `${what} '${value}'`, post(`${field}: ${value}`), outcome]);
}

/** Heads to be refused, with which outcome, and what differs from {@link LIMITS}. */
export const REFUSED: readonly Refused[] = [
  ['9112 2.2', 'a bare LF for a line ending', 'GET / HTTP/1.1\nHost: a\n\n', ClientBadRequest],
  ['9112 2.2', 'a bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n', ClientBadRequest],
  ['9112 2.2', 'a bare LF for the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\n', ClientBadRequest],
  ['9112 2.2', 'a bare CR after the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n', ClientBadRequest],
  ['9112 2.2', 'a bare CR in a value', get('A: b\rc'), ClientBadRequest],
  ['9112 2.2', 'two CRs', get('A: b\r'), ClientBadRequest],
  ['9112 2.2', 'a bare CR for the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\rA: b\r\n\r\n', ClientBadRequest],
  ['9112 2.2', 'five empty lines before', `\r\n\r\n\r\n\r\n\r\n${get()}`, ClientBadRequest],
  ['9112 2.2', 'a bare LF before', `\n${get()}`, ClientBadRequest],
  ['9112 2.2', 'a bare CR before', `\r${get()}`, ClientBadRequest],
  ['9112 2.2', 'a space before', ` ${get()}`, ClientBadRequest],
  ['9112 2.2', 'a space before the first field', head('GET / HTTP/1.1', ' Host: a'), ClientBadRequest],
  ['9112 3', 'nothing but a method', head('GET'), ClientBadRequest],
  ['9112 3', 'no target', head('GET HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3', 'an empty target', head('GET  HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3', 'no version (HTTP/0.9)', head('GET /', 'Host: a'), ClientBadRequest],
  ['9112 3', 'two spaces before the target', head('GET  / HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3', 'two spaces before the version', head('GET /  HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3', 'a space after the version', head('GET / HTTP/1.1 ', 'Host: a'), ClientBadRequest],
  ['9112 3', 'tabs for spaces', head('GET\t/\tHTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a space in the target', head('GET /a b HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a fragment', head('GET /a#b HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a NUL in the target', head('GET /\0 HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a byte of 0x80 and up in the target', head('GET /\x80 HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a DEL in the target', head('GET /\x7f HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a CR in the target', head('GET /\r HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a target of no form', head('GET a HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'a target of a query only', head('GET ?a HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.2', 'a scheme that is not of HTTP', head('GET ftp://a/ HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9110 4.2.1', 'a scheme and a path', head('GET http:///a HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9110 4.2.1', 'a scheme and a port', head('GET http://:80/ HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9110 4.2.4', 'absolute-form with userinfo', head('GET http://b@a/ HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['3986 3.2.2', 'absolute-form with a host in quotes', head('GET https://"a" HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.2', 'a scheme and nothing else', head('GET http:// HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.3', 'CONNECT with a path', head('CONNECT / HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.3', 'CONNECT without a port', head('CONNECT a HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.3', 'CONNECT with an empty port', head('CONNECT a: HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.3', 'CONNECT without a host', head('CONNECT :443 HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.3', 'CONNECT with a port of letters', head('CONNECT a:https HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.3', 'CONNECT with userinfo', head('CONNECT b@a:443 HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.3', 'authority-form without CONNECT', head('GET a:443 HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.4', 'asterisk-form without OPTIONS', head('GET * HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 3.2.4', 'asterisk and more', head('OPTIONS *a HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 2.3', 'a version in lower case', head('GET / http/1.1', 'Host: a'), ClientBadRequest],
  ['9112 2.3', 'another protocol', head('GET / HTCPCP/1.0', 'Host: a'), ClientBadRequest],
  ['9112 2.3', 'a version without a minor', head('GET / HTTP/1', 'Host: a'), ClientBadRequest],
  ['9112 2.3', 'a version of two digits', head('GET / HTTP/1.10', 'Host: a'), ClientBadRequest],
  ['9112 2.3', 'a version of letters', head('GET / HTTP/x.y', 'Host: a'), ClientBadRequest],
  ['9110 15.6.6', 'HTTP/2.0', head('GET / HTTP/2.0', 'Host: a'), ClientVersionUnknown],
  ['9110 15.6.6', 'HTTP/0.9', head('GET / HTTP/0.9', 'Host: a'), ClientVersionUnknown],
  ['9110 15.6.6', 'HTTP/1.2, as with Node', head('GET / HTTP/1.2', 'Host: a'), ClientVersionUnknown],
  ['9113 3.4', 'the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ClientVersionUnknown],
  ['9110 15.6.2', 'a method that nobody knows', head('BREW / HTTP/1.1', 'Host: a'), ClientMethodUnknown],
  ['9110 9.1', 'a method in lower case', head('get / HTTP/1.1', 'Host: a'), ClientMethodUnknown],
  [
    '9110 15.6.2',
    'a method as long as no other',
    head(`${'G'.repeat(300)} / HTTP/1.1`, 'Host: a'),
    ClientMethodUnknown,
  ],
  ['9110 15.6.2', 'a method of another protocol', head('DESCRIBE / HTTP/1.1', 'Host: a'), ClientMethodUnknown],
  ['9110 9.1', 'a method that is no token', head('G(T / HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9110 9.1', 'an empty method', head(' / HTTP/1.1', 'Host: a'), ClientBadRequest],
  ['9112 5.1', 'a space before the colon', get('A : b'), ClientBadRequest],
  ['9112 5.1', 'a tab before the colon', get('A\t: b'), ClientBadRequest],
  ['9112 5', 'no colon', get('A'), ClientBadRequest],
  ['9112 5', 'an empty name', get(': b'), ClientBadRequest],
  ['9112 5.2', 'obs-fold with a space', get('A: b', ' c'), ClientBadRequest],
  ['9112 5.2', 'obs-fold with a tab', get('A: b', '\tc: d'), ClientBadRequest],
  ['9110 5.6.2', 'a space in a name', get('A B: c'), ClientBadRequest],
  ['9110 5.6.2', 'a delimiter in a name', get('A(B): c'), ClientBadRequest],
  ['9110 5.6.2', 'a byte of 0x80 and up in a name', get('A\xe9: b'), ClientBadRequest],
  ['9110 5.5', 'a NUL in a name', get('A\0: b'), ClientBadRequest],
  ['9110 5.5', 'a NUL in a value', get('A: b\0c'), ClientBadRequest],
  ['9110 5.5', 'a vertical tab in a value', get('A: b\x0bc'), ClientBadRequest],
  ['9110 5.5', 'an escape in a value', get('A: \x1b[0m'), ClientBadRequest],
  ['9110 5.5', 'a DEL in a value', get('A: b\x7f'), ClientBadRequest],
  ['9112 3.2', 'no Host', head('GET / HTTP/1.1'), ClientBadRequest],
  ['9112 3.2', 'two Hosts', get('Host: a'), ClientBadRequest],
  ['9112 3.2', 'two Hosts of different case', get('hOST: b'), ClientBadRequest],
  ['9112 3.2', 'two Hosts in HTTP/1.0', head('GET / HTTP/1.0', 'Host: a', 'Host: a'), ClientBadRequest],
  ['9112 3.2', 'two Hosts, to an app that needs none', get('Host: a'), ClientBadRequest, { requireHost: false }],
  ['9112 3.2', 'a Host with a space', head('GET / HTTP/1.1', 'Host: a b'), ClientBadRequest],
  ['9112 3.2', 'a Host with a path', head('GET / HTTP/1.1', 'Host: a/b'), ClientBadRequest],
  ['9112 3.2', 'a Host with userinfo', head('GET / HTTP/1.1', 'Host: b@a'), ClientBadRequest],
  ['9112 3.2', 'a Host with a query', head('GET / HTTP/1.1', 'Host: a?b'), ClientBadRequest],
  ['9112 3.2', 'a Host with a fragment', head('GET / HTTP/1.1', 'Host: a#b'), ClientBadRequest],
  ['9112 3.2', 'a Host with a backslash', head('GET / HTTP/1.1', 'Host: a\\b'), ClientBadRequest],
  ['9112 3.2', 'a Host in quotes', head('GET / HTTP/1.1', 'Host: "a"'), ClientBadRequest],
  ['9112 3.2', 'a Host with bytes of 0x80 and up', head('GET / HTTP/1.1', 'Host: \xe9'), ClientBadRequest],
  ...each('9112 6.3', 'the length', 'Content-Length', ClientBadRequest, [
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
    '5;',
    '5:',
    '5/',
    '"5"',
    '\xb2',
    '1000000000000000',
    '18446744073709551621',
  ]),
  ['9112 6.3', 'two lengths', post('Content-Length: 5', 'Content-Length: 6'), ClientBadRequest],
  ['9112 6.3', 'two equal lengths', post('Content-Length: 5', 'Content-Length: 5'), ClientBadRequest],
  ['9112 6.3', 'two lengths of nothing', post('Content-Length: 0', 'Content-Length: 0'), ClientBadRequest],
  ['9112 6.3', 'a length and a coding', post('Content-Length: 5', 'Transfer-Encoding: chunked'), ClientBadRequest],
  ['9112 6.3', 'a coding and a length', post('Transfer-Encoding: chunked', 'Content-Length: 5'), ClientBadRequest],
  [
    '9112 6.3',
    'a coding and a length of nothing',
    post('Transfer-Encoding: chunked', 'Content-Length: 0'),
    ClientBadRequest,
  ],
  [
    '9112 6.3',
    'an unknown coding and a length',
    post('Transfer-Encoding: gzip, chunked', 'Content-Length: 5'),
    ClientBadRequest,
  ],
  ['9112 6.1', 'chunked in HTTP/1.0', head('POST / HTTP/1.0', 'Transfer-Encoding: chunked'), ClientBadRequest],
  [
    '9112 7',
    'chunked twice in two fields',
    post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    ClientBadRequest,
  ],
  [
    '9112 6.1',
    'identity, then chunked',
    post('Transfer-Encoding: identity', 'Transfer-Encoding: chunked'),
    ClientCodingUnknown,
  ],
  ['9112 6.1', 'a space before the colon of the coding', post('Transfer-Encoding : chunked'), ClientBadRequest],
  ['9112 6.1', 'a folded coding', post('Transfer-Encoding:', ' chunked'), ClientBadRequest],
  ['9112 6.1', 'a vertical tab before chunked', post('Transfer-Encoding: \x0bchunked'), ClientBadRequest],
  ['9112 6.1', 'a NUL after chunked', post('Transfer-Encoding: chunked\0'), ClientBadRequest],
  // RFC 9112 section 6.3 rule 4: chunked is not last, so that nobody can tell where the body ends.
  ...each('9112 6.3', 'the coding', 'Transfer-Encoding', ClientBadRequest, [
    '',
    'identity',
    'gzip',
    'xchunked',
    'chunkedx',
    'chunke',
    'x-chunked',
    'chunked;q=1',
    'chunked;',
    '"chunked"',
    "'chunked'",
    'chunked, identity',
    'chunked,',
    'chunked, chunked',
    ', chunked',
    'gzip,, chunked',
    'gzip;q=1, chunked',
    'chunked x',
    'chunked\xa0',
  ]),
  [
    '9112 6.3',
    'chunked, then identity',
    post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
    ClientBadRequest,
  ],
  ...each('9112 6.1', 'the codings', 'Transfer-Encoding', ClientCodingUnknown, [
    'gzip, chunked',
    'gzip,chunked',
    'identity\t,\tChunked',
    'a, b, chunked',
  ]),
  [
    '9110 15.5.15',
    'a target longer than the head may be',
    head(`GET /${'a'.repeat(60)} HTTP/1.1`, 'Host: a'),
    ClientTargetTooLong,
    { maxHeadBytes: 60 },
  ],
  [
    '9110 15.5.15',
    'a request line of one byte too many',
    head('GET /a HTTP/1.1', 'Host: a'),
    ClientTargetTooLong,
    { maxHeadBytes: 16 },
  ],
  [
    '9110 15.5.15',
    'a method longer than the head may be',
    head(`${'G'.repeat(60)} / HTTP/1.1`, 'Host: a'),
    ClientTargetTooLong,
    { maxHeadBytes: 60 },
  ],
  ['6585 5', 'a head of one byte too many', get(), ClientHeadTooLarge, { maxHeadBytes: 26 }],
  [
    '6585 5',
    'a name longer than the head may be',
    get(`${'A'.repeat(60)}: b`),
    ClientHeadTooLarge,
    { maxHeadBytes: 60 },
  ],
  [
    '6585 5',
    'a value longer than the head may be',
    get(`A: ${'b'.repeat(60)}`),
    ClientHeadTooLarge,
    { maxHeadBytes: 60 },
  ],
  ['6585 5', 'a field of one too many', get('A: 1', 'A: 2'), ClientHeadTooLarge, { maxFields: 2 }],
];
