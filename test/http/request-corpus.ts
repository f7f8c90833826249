import { accepted, get, head, post, refused, type WireCase } from './wire-case.ts';

const LONG = 'x'.repeat(20_000);

/** Request lines and targets, RFC 9112 sections 2 and 3. */
export const REQUEST_LINES: readonly WireCase[] = [
  refused('a method that is no token', 400, head('G(T / HTTP/1.1', 'Host: a')),
  refused('an empty method', 400, head(' / HTTP/1.1', 'Host: a')),
  refused('a method that nobody knows', 501, head('BREW / HTTP/1.1', 'Host: a')),
  refused('a method in lower case', 501, head('get / HTTP/1.1', 'Host: a')),
  refused('a method as long as a head may be', 414, LONG),
  refused('HTTP/0.9', 400, 'GET /\r\n'),
  refused('HTTP/0.9 with a version', 505, head('GET / HTTP/0.9', 'Host: a')),
  refused('HTTP/1.2', 505, head('GET / HTTP/1.2', 'Host: a')),
  refused('HTTP/2.0', 505, head('GET / HTTP/2.0', 'Host: a')),
  refused('the preface of HTTP/2', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'),
  refused('a version in lower case', 400, head('GET / http/1.1', 'Host: a')),
  refused('a version of two digits', 400, head('GET / HTTP/1.10', 'Host: a')),
  refused('a version of one number', 400, head('GET / HTTP/1', 'Host: a')),
  refused('another protocol', 400, head('GET / HTCPCP/1.0', 'Host: a')),
  refused('two spaces before the target', 400, head('GET  / HTTP/1.1', 'Host: a')),
  refused('two spaces before the version', 400, head('GET /  HTTP/1.1', 'Host: a')),
  refused('a space behind the version', 400, head('GET / HTTP/1.1 ', 'Host: a')),
  refused('tabs for spaces', 400, head('GET\t/\tHTTP/1.1', 'Host: a')),
  refused('a space in the target', 400, head('GET /a b HTTP/1.1', 'Host: a')),
  refused('a NUL in the target', 400, head('GET /a\0b HTTP/1.1', 'Host: a')),
  refused('a CR in the target', 400, head('GET /a\rb HTTP/1.1', 'Host: a')),
  refused('bytes of 0x80 and up in the target', 400, head('GET /caf\xc3\xa9 HTTP/1.1', 'Host: a')),
  refused('a fragment in the target', 400, head('GET /a#b HTTP/1.1', 'Host: a')),
  refused('a target without end', 414, `GET /${LONG}`),
  refused('a target of no form', 400, head('GET a/b HTTP/1.1', 'Host: a')),
  refused('asterisk-form for GET', 400, head('GET * HTTP/1.1', 'Host: a')),
  refused('authority-form for GET', 400, head('GET a:80 HTTP/1.1', 'Host: a')),
  refused('origin-form for CONNECT', 400, head('CONNECT / HTTP/1.1', 'Host: a')),
  refused('CONNECT without a port', 400, head('CONNECT a HTTP/1.1', 'Host: a')),
  refused('CONNECT with an empty port', 400, head('CONNECT a: HTTP/1.1', 'Host: a')),
  refused('CONNECT with content', 400, `${head('CONNECT a:80 HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`),
  refused('absolute-form of another scheme', 400, head('GET ftp://a/ HTTP/1.1', 'Host: a')),
  refused('absolute-form without a host', 400, head('GET http:///a HTTP/1.1', 'Host: a')),
  refused('absolute-form with userinfo', 400, head('GET http://b@a/ HTTP/1.1', 'Host: a')),
  refused('a bare LF before the request line', 400, `\n${get()}`),
  refused('a bare CR before the request line', 400, `\r${get()}`),
  refused('a space before the request line', 400, ` ${get()}`),
  refused('empty lines without end before the request line', 400, `${'\r\n'.repeat(5)}${get()}`),
  refused('TLS', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  accepted('takes origin-form', head('GET /a/../b//c?d=e&f HTTP/1.1', 'Host: a'), 'GET /a/../b//c?d=e&f'),
  accepted('takes absolute-form', head('GET http://a:80/b?c HTTP/1.1', 'Host: a:80'), 'GET http://a:80/b?c'),
  accepted('takes asterisk-form for OPTIONS', head('OPTIONS * HTTP/1.1', 'Host:'), 'OPTIONS *'),
  accepted('tolerates an empty line before the request line', `\r\n${get()}`, 'GET /'),
  accepted(
    'passes percent-encodings unchanged',
    head('GET /%2e%2E/%00%zz/%?%0d%0aHost:%20b HTTP/1.1', 'Host: a'),
    'GET /%2e%2E/%00%zz/%?%0d%0aHost:%20b',
  ),
];

/** Field lines, RFC 9112 sections 2.2 and 5, RFC 9110 section 5. */
export const FIELDS: readonly WireCase[] = [
  refused('bare LFs for line endings', 400, 'GET / HTTP/1.1\nHost: a\n\n'),
  refused('a bare LF behind a field', 400, 'GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n'),
  refused('a bare LF for the empty line', 400, 'GET / HTTP/1.1\r\nHost: a\r\n\n'),
  refused('a bare CR behind the request line', 400, 'GET / HTTP/1.1\rHost: a\r\n\r\n'),
  refused('a bare CR in a value', 400, get('A: b\rc')),
  refused('a bare CR for the empty line', 400, 'GET / HTTP/1.1\r\nHost: a\r\n\rA: b\r\n\r\n'),
  refused('CR CR LF', 400, get('A: b\r')),
  refused('obs-fold with a space', 400, get('A: b', ' c')),
  refused('obs-fold with a tab', 400, get('A: b', '\tc')),
  refused('obs-fold behind the request line', 400, head('GET / HTTP/1.1', ' Host: a', 'Host: a')),
  refused('a folded empty line', 400, get('A: b', ' ')),
  refused('a space before the colon', 400, get('A : b')),
  refused('a tab before the colon', 400, get('A\t: b')),
  refused('a field without a colon', 400, get('A')),
  refused('an empty field name', 400, get(': b')),
  refused('a space in a field name', 400, get('A B: c')),
  refused('a delimiter in a field name', 400, get('A[B]: c')),
  refused('a NUL in a field name', 400, get('A\0: b')),
  refused('bytes of 0x80 and up in a field name', 400, get('\xe9: b')),
  refused('a NUL in a value', 400, get('A: b\0c')),
  refused('a vertical tab in a value', 400, get('A: b\x0bc')),
  refused('a DEL in a value', 400, get('A: b\x7fc')),
  refused('an escape in a value', 400, get('A: \x1b[0m')),
  refused('a field without end', 431, `GET / HTTP/1.1\r\nHost: a\r\nA: ${LONG}`),
  refused('a field name without end', 431, `GET / HTTP/1.1\r\nHost: a\r\n${LONG}`),
  refused('a head that is too large', 431, get(...Array.from({ length: 100 }, () => `A: ${'x'.repeat(190)}`))),
  refused('more fields than any request has', 431, get(...Array.from({ length: 2500 }, () => 'A:b'))),
  accepted('takes fields of one name more than once', get('A: 1', 'a: 2', 'Cookie: b', 'Cookie: c'), 'GET /'),
  accepted('takes a name with an underscore for what it is', get('Content_Length: 5', 'Transfer_Encoding: x'), 'GET /'),
];

/** Host, RFC 9112 section 3.2 and RFC 9110 section 7.2. */
export const HOSTS: readonly WireCase[] = [
  refused('a request without Host', 400, head('GET / HTTP/1.1', 'A: b')),
  refused('two Hosts', 400, get('Host: a')),
  refused('two Hosts in different case', 400, get('hOST: b')),
  refused('two Hosts in HTTP/1.0', 400, head('GET / HTTP/1.0', 'Host: a', 'Host: b')),
  ...['b@a', 'a b', 'a, b', 'a,b', 'a/b', 'a?b', 'a#b', 'a\\b', '"a"', '<a>', 'a|b', 'a^b', '\xe9'].map((host) =>
    refused(`the Host ${JSON.stringify(host)}`, 400, head('GET / HTTP/1.1', `Host: ${host}`)),
  ),
  ...[':80', 'a:b', 'a:80:80', 'a:-1', 'a:65536', 'a%', 'a%zz', '[::1', '::1', '[::1]a', '[a]', '[::1%lo]'].map(
    (host) => refused(`the Host ${JSON.stringify(host)}`, 400, head('GET / HTTP/1.1', `Host: ${host}`)),
  ),
  ...[
    '',
    'a.example',
    'a.example.:8080',
    '127.0.0.1:80',
    '[::1]:80',
    '[2001:db8::1]',
    'a_b',
    "a~!$&'()*+;=%20",
    'a:',
  ].map((host) => accepted(`takes the Host ${JSON.stringify(host)}`, head('GET / HTTP/1.1', `Host: ${host}`), 'GET /')),
  {
    name: 'takes HTTP/1.0 without Host',
    bytes: head('GET / HTTP/1.0'),
    answers: [200],
    isClosed: true,
    reached: ['GET /'],
  },
];

/** Content-Length and Transfer-Encoding, RFC 9112 sections 6.1 to 6.3. */
export const FRAMING: readonly WireCase[] = [
  ...['', '+5', '-5', '5 5', '5, 5', '5,5', '5, 6', '5,', '0x5', '5e0', '5.0', '5_0', 'five', '5;', '"5"', '\xb2'].map(
    (length) => refused(`the length ${JSON.stringify(length)}`, 400, `${post(`Content-Length: ${length}`)}hello`),
  ),
  ...['1000000000000000', '18446744073709551621', '99999999999999999999999999'].map((length) =>
    refused(`the length ${length}, which overflows`, 400, `${post(`Content-Length: ${length}`)}hello`),
  ),
  refused('two lengths', 400, `${post('Content-Length: 5', 'Content-Length: 6')}hello`),
  refused('two equal lengths', 400, `${post('Content-Length: 5', 'Content-Length: 5')}hello`),
  refused('a length and chunks', 400, `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`),
  refused('chunks and a length', 400, `${post('Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`),
  refused('chunks and a length of nothing', 400, `${post('Transfer-Encoding: chunked', 'Content-Length: 0')}0\r\n\r\n`),
  refused('chunks in HTTP/1.0', 400, `${head('POST / HTTP/1.0', 'Transfer-Encoding: chunked')}0\r\n\r\n`),
  refused('chunked twice', 400, `${post('Transfer-Encoding: chunked, chunked')}0\r\n\r\n`),
  refused(
    'chunked twice in two fields',
    400,
    `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
  refused('chunked before another coding', 400, `${post('Transfer-Encoding: chunked, gzip')}0\r\n\r\n`),
  refused('another coding without chunked', 400, `${post('Transfer-Encoding: gzip')}0\r\n\r\n`),
  refused('identity for a coding', 400, `${post('Transfer-Encoding: identity')}0\r\n\r\n`),
  refused('an empty coding', 400, `${post('Transfer-Encoding:')}0\r\n\r\n`),
  refused('chunked with a parameter', 400, `${post('Transfer-Encoding: chunked;q=1')}0\r\n\r\n`),
  refused('chunked in quotes', 400, `${post('Transfer-Encoding: "chunked"')}0\r\n\r\n`),
  refused('chunked and an empty element', 400, `${post('Transfer-Encoding: chunked,')}0\r\n\r\n`),
  refused('a coding before chunked', 501, `${post('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`),
  refused(
    'a coding before chunked in two fields',
    501,
    `${post('Transfer-Encoding: x', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  ),
  accepted('takes a length', `${post('Content-Length: 5')}hello`, 'POST /'),
  accepted('takes a length with leading zeros', `${post('Content-Length: 0005')}hello`, 'POST /'),
  accepted('takes chunks', `${post('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`, 'POST /'),
  accepted('takes chunks in any case', `${post('TRANSFER-encoding:\tChUnKeD ')}5\r\nhello\r\n0\r\n\r\n`, 'POST /'),
  accepted('takes a body with GET', `${get('Content-Length: 5')}hello`, 'GET /'),
  ...['GET', 'DELETE', 'OPTIONS'].map((method) => {
    const lines = head(`${method} / HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked');
    return accepted(`takes chunks with ${method}`, `${lines}5\r\nhello\r\n0\r\n\r\n`, `${method} /`);
  }),
  accepted(
    'takes a length of nothing for what it is',
    `${post('Content-Length: 0')}${head('GET /next HTTP/1.1', 'Host: a')}`,
    'POST /',
    'GET /next',
  ),
];

const CHUNKED = post('Transfer-Encoding: chunked');

/** A chunked body that breaks RFC 9112 section 7.1. Its head is fine: the request reaches the app, and is aborted. */
function broken(name: string, body: string, status: number = 400): WireCase {
  return { ...refused(name, status, `${CHUNKED}${body}`), reached: ['POST /'], mayMiss: true };
}

/** Chunked bodies, RFC 9112 section 7.1. */
export const CHUNKS: readonly WireCase[] = [
  broken('a chunk size that is none', 'xyz\r\n'),
  broken('an empty chunk size', '\r\nhello\r\n0\r\n\r\n'),
  broken('a chunk size with a sign', '+5\r\nhello\r\n0\r\n\r\n'),
  broken('a chunk size below nothing', '-5\r\nhello\r\n0\r\n\r\n'),
  broken('a chunk size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'),
  broken('a chunk size with an underscore', '1_0\r\nhello\r\n0\r\n\r\n'),
  broken('a blank before a chunk size', ' 5\r\nhello\r\n0\r\n\r\n'),
  broken('a blank behind a chunk size', '5 \r\nhello\r\n0\r\n\r\n'),
  broken('a chunk size that wraps round', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  broken('a chunk size of zeros without end', `${'0'.repeat(100)}5\r\nhello\r\n0\r\n\r\n`),
  broken('a bare LF behind a chunk size', '5\nhello\r\n0\r\n\r\n'),
  broken('a bare CR behind a chunk size', '5\rhello\r\n0\r\n\r\n'),
  broken('a bare LF behind the data of a chunk', '5\r\nhello\n0\r\n\r\n'),
  broken('a chunk longer than its size', '4\r\nhello\r\n0\r\n\r\n'),
  broken('a chunk shorter than its size', '6\r\nhello\r\n0\r\n\r\n'),
  broken('a bare LF in an extension', '5;a\nhello\r\n0\r\n\r\n'),
  broken('a bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'),
  broken('a NUL in an extension', '5;a\0\r\nhello\r\n0\r\n\r\n'),
  broken('extensions without end', `5;${LONG}`, 413),
  broken('many small extensions', `1;${'a'.repeat(400)}\r\nx\r\n`.repeat(50), 413),
  broken('a bare LF behind the last chunk', '0\r\n\n'),
  broken('a bare LF behind a trailer', '0\r\nA: b\n\r\n'),
  broken('a trailer with a space before the colon', '0\r\nA : b\r\n\r\n'),
  broken('a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'),
  broken('a trailer without a colon', '0\r\nA\r\n\r\n'),
  broken('a NUL in a trailer', '0\r\nA: b\0\r\n\r\n'),
  broken('a trailer that frames', '0\r\nContent-Length: 5\r\n\r\n'),
  broken('a trailer that changes the coding', '0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  broken('a trailer that names a host', '0\r\nHost: b\r\n\r\n'),
  broken('trailers without end', `0\r\nA: ${LONG}`, 413),
  broken('more trailers than any request has', `0\r\n${'A:\r\n'.repeat(300)}\r\n`, 413),
  accepted('drops extensions', `${CHUNKED}5;a;b="c d" ; e\r\nhello\r\n0;f\r\n\r\n`, 'POST /'),
  accepted('takes trailers', `${CHUNKED}5\r\nhello\r\n0\r\nA: b\r\nC:\xe9\r\n\r\n`, 'POST /'),
];
