import { accepted, get, head, post, refused, type WireCase } from './wire-case.ts';

/** A request that the sender means to reach the app behind somebody's back. */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n';

/** A body that ends at once for who reads chunks, and holds a request for who reads a length. */
const ENDED = `0\r\n\r\n${HIDDEN}`;

const LENGTH = `Content-Length: ${ENDED.length}`;

/** Ways to make one of two readers miss that a body is chunked. */
const OBFUSCATED: readonly (readonly [what: string, status: number, ...fields: string[]])[] = [
  ['a space before the colon', 400, 'Transfer-Encoding : chunked'],
  ['a tab before the colon', 400, 'Transfer-Encoding\t: chunked'],
  ['a vertical tab before the value', 400, 'Transfer-Encoding: \x0bchunked'],
  ['a form feed before the value', 400, 'Transfer-Encoding: \x0cchunked'],
  ['a NUL behind the value', 400, 'Transfer-Encoding: chunked\0'],
  ['a bare CR before the value', 400, 'Transfer-Encoding: \rchunked'],
  ['a bare LF before the name', 400, 'A: b\nTransfer-Encoding: chunked'],
  ['a bare CR before the name', 400, 'A: b\rTransfer-Encoding: chunked'],
  ['a folded value', 400, 'Transfer-Encoding:', ' chunked'],
  ['a folded name', 400, 'A: b', ' Transfer-Encoding: chunked'],
  ['a name in other letters', 400, 'Transfer\xe2\x80\x90Encoding: chunked'],
  ['a NUL in the name', 400, 'Transfer-Encoding\0: chunked'],
  ['a value in quotes', 400, 'Transfer-Encoding: "chunked"'],
  ['a value in single quotes', 400, "Transfer-Encoding: 'chunked'"],
  ['a value with more before it', 400, 'Transfer-Encoding: xchunked'],
  ['a value with more behind it', 400, 'Transfer-Encoding: chunked-x'],
  ['a value with a no-break space', 400, 'Transfer-Encoding: chunked\xa0'],
  ['a value with a parameter', 400, 'Transfer-Encoding: chunked; x=y'],
  ['an empty element first', 400, 'Transfer-Encoding: ,chunked'],
  ['an empty element last', 400, 'Transfer-Encoding: chunked, '],
  ['two words', 400, 'Transfer-Encoding: identity chunked'],
  ['identity behind chunked', 400, 'Transfer-Encoding: chunked, identity'],
  ['a second field with nothing', 400, 'Transfer-Encoding: chunked', 'Transfer-Encoding:'],
  ['a second field with another coding', 400, 'Transfer-Encoding: chunked', 'Transfer-Encoding: cow'],
  ['a second field in other case', 400, 'Transfer-Encoding: chunked', 'transfer-encoding: chunked'],
  ['identity before chunked', 501, 'Transfer-Encoding: identity, chunked'],
  ['a first field with another coding', 501, 'Transfer-Encoding: cow', 'Transfer-Encoding: chunked'],
];

/** Requests made to be two things to two readers. Nothing of them reaches the app, or exactly what they say. */
export const SMUGGLING: readonly WireCase[] = [
  // Content-Length and Transfer-Encoding: whoever goes by the other one finds the hidden request.
  refused('CL.TE', 400, `${post(LENGTH, 'Transfer-Encoding: chunked')}${ENDED}`),
  refused('TE.CL', 400, `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}5c\r\n${HIDDEN}\r\n0\r\n\r\n`),
  refused('TE.CL in HTTP/1.0', 400, `${head('POST / HTTP/1.0', 'Transfer-Encoding: chunked', LENGTH)}${ENDED}`),
  refused('TE.0', 400, `${head('OPTIONS / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked ', 'Content-Length: 0')}`),
  ...OBFUSCATED.map(([what, status, ...fields]) =>
    refused(`a coding hidden by ${what}`, status, `${post(...fields)}${ENDED}`),
  ),
  ...OBFUSCATED.map(([what, , ...fields]) =>
    refused(`a coding hidden by ${what}, and a length`, 400, `${post(LENGTH, ...fields)}${ENDED}`),
  ),
  // Lengths that two readers count differently.
  ...['+0', '-0', '0 ', '00x', '0,0', '0, 5', '0_0', '0x0', '0\x0b', '0\0', '0\xa0', ' 0 0'].map((length) => {
    const value = length === '0 ' ? '0\t\x0b' : length;
    return refused(`a length written ${JSON.stringify(value)}`, 400, `${post(`Content-Length: ${value}`)}${HIDDEN}`);
  }),
  refused('a length with a space before the colon', 400, `${post(`Content-Length : ${HIDDEN.length}`)}${HIDDEN}`),
  refused('a folded length', 400, `${post('Content-Length:', ` ${HIDDEN.length}`)}${HIDDEN}`),
  refused('lengths that differ', 400, `${post('Content-Length: 0', `Content-Length: ${HIDDEN.length}`)}${HIDDEN}`),
  refused('lengths that differ in case', 400, `${post('Content-Length: 0', 'content-length: 5')}${HIDDEN}`),
  // Requests in bodies are bodies.
  accepted('takes a request in a body for a body', `${post(`Content-Length: ${HIDDEN.length}`)}${HIDDEN}`, 'POST /'),
  accepted(
    'takes a request in the body of a GET for a body',
    `${get(`Content-Length: ${HIDDEN.length}`)}${HIDDEN}`,
    'GET /',
  ),
  accepted(
    'takes a request in a chunk for a body',
    `${post('Transfer-Encoding: chunked')}${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
    'POST /',
  ),
  accepted(
    'takes names that resemble those of framing for what they are',
    `${post('Content_Length: 5', 'Content-Length-: 5', 'X-Transfer-Encoding: chunked', 'Content-Lengthx: 1')}`,
    'POST /',
  ),
  // Chunks that two readers cut differently. Their heads are fine, so the request reaches the app, and is aborted.
  ...(
    [
      ['a chunk size with a hidden extension', `5\n;a\r\nhello\r\n${ENDED}`],
      ['an extension that ends with a bare LF', `2;\nxx\r\n4c\r\n${ENDED}`],
      ['an extension with a bare CR', `5;a\r5\r\nhello\r\n${ENDED}`],
      ['chunk data that ends with two other bytes', `5\r\nhelloXX${ENDED}`],
      ['chunk data that ends with a bare LF', `5\r\nhello\n${ENDED}`],
      ['a chunk size with blanks', `0 \r\n\r\n${HIDDEN}`],
      ['a chunk size in words', `zero\r\n\r\n${HIDDEN}`],
      ['a chunk size that 64 bits do not hold', `10000000000000000\r\n\r\n${HIDDEN}`],
      ['a chunk size that 32 bits do not hold', `100000000000000\r\n\r\n${HIDDEN}`],
      ['a last chunk without its empty line', `0\r\n${HIDDEN.slice(0, -2).replace(': a', ' a')}`],
      ['a trailer with a length', `0\r\nContent-Length: 10\r\n\r\n${HIDDEN}`],
      ['a trailer that ends with a bare LF', `0\r\nA: b\n\n${HIDDEN}`],
    ] as const
  ).map(([what, body]): WireCase => {
    const wire = refused(what, 400, `${post('Transfer-Encoding: chunked')}${body}`);
    return { ...wire, reached: ['POST /'], mayMiss: true };
  }),
  // Heads that two readers end at different places, or route differently.
  refused('a hidden request behind a bare LF', 400, `GET / HTTP/1.1\r\nHost: a\r\nA: b\n\n${HIDDEN}`),
  refused('a hidden request behind a bare CR', 400, `GET / HTTP/1.1\r\nHost: a\r\nA: b\r\r${HIDDEN}`),
  refused('a hidden request behind a NUL', 400, `GET / HTTP/1.1\r\nHost: a\r\nA: b\0\r\n\r\n${HIDDEN}`),
  refused('a hidden request in the target', 400, `GET / HTTP/1.1\r\nHost:a\r\n\tGET /hidden HTTP/1.1\r\n\r\n`),
  refused('a Host behind a folded line', 400, head('GET / HTTP/1.1', 'A: b', ' Host: c', 'Host: a')),
  refused('a Host with a space before the colon', 400, head('GET / HTTP/1.1', 'Host: a', 'Host : b')),
  refused('a Host in another form', 400, head('GET / HTTP/1.1', 'Host: a', '\tHost: b')),
  refused('a Host with a target behind it', 400, head('GET / HTTP/1.1', 'Host: a/../b')),
  refused('an absolute-form with a target in its host', 400, head('GET http://a\\b/ HTTP/1.1', 'Host: a')),
  refused('an absolute-form with two authorities', 400, head('GET http://a:80@b/ HTTP/1.1', 'Host: a')),
  refused('an absolute-form of a broken port', 400, head('GET http://a:80x/ HTTP/1.1', 'Host: a')),
  accepted(
    'gives a Host that differs from the absolute-form to the app as it is',
    head('GET http://b.example/ HTTP/1.1', 'Host: a'),
    'GET http://b.example/',
  ),
  // Protocols.
  refused('a preface of HTTP/2 behind a request line', 400, 'GET / HTTP/1.1\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  accepted(
    'takes an upgrade to h2c, which the app declines, for an ordinary request',
    get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    'GET /',
  ),
  accepted(
    'takes the body of a declined upgrade for a body',
    `${post('Connection: Upgrade', 'Upgrade: h2c', `Content-Length: ${HIDDEN.length}`)}${HIDDEN}`,
    'POST /',
  ),
  {
    name: 'throws away what follows a request that closes',
    bytes: `${get('Connection: close')}${HIDDEN}`,
    answers: [200],
    isClosed: true,
    reached: ['GET /'],
  },
  {
    name: 'throws away what follows a request that closes and would upgrade',
    bytes: `${get('Connection: close, upgrade', 'Upgrade: h2c')}${HIDDEN}`,
    answers: [200],
    isClosed: true,
    reached: ['GET /'],
  },
  {
    name: 'throws away what follows an HTTP/1.0 request',
    bytes: `${head('GET / HTTP/1.0', 'Upgrade: h2c', 'Connection: upgrade')}${HIDDEN}`,
    answers: [200],
    isClosed: true,
    reached: ['GET /'],
  },
  {
    name: 'answers a garbled request behind a good one, and nothing behind that',
    bytes: `${post('Content-Length: 0')}garbage\r\n\r\n${HIDDEN}`,
    answers: [200, 400],
    isClosed: true,
    reached: ['POST /'],
  },
];
