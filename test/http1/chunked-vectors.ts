import { Chunk, MAX_EXTENSION_BYTES } from '../../src/http1/chunked-decoder.ts';
import { MAX_TRAILER_BYTES, MAX_TRAILERS } from '../../src/http1/trailers.ts';

type Accepted = [section: string, what: string, coded: string, body: string, trailers?: string];

/** Chunked bodies to be decoded. */
export const ACCEPTED_BODIES: readonly Accepted[] = [
  ['9112 7.1', 'nothing', '0\r\n\r\n', ''],
  ['9112 7.1', 'one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['9112 7.1', 'several chunks', '5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n', 'hello, world'],
  ['9112 7.1', 'sizes in either case', 'a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n', '01234567890123456789'],
  [
    '9112 7.1',
    'sizes of several digits',
    `1f\r\n${'x'.repeat(31)}\r\n0Fe\r\n${'y'.repeat(254)}\r\n0\r\n\r\n`,
    'x'.repeat(31) + 'y'.repeat(254),
  ],
  ['9112 7.1', 'sizes with leading zeros', '005\r\nhello\r\n000\r\n\r\n', 'hello'],
  ['9112 7.1', 'the longest size', '000000000005\r\nhello\r\n000000000000\r\n\r\n', 'hello'],
  ['9112 7.1', 'data that looks like framing', '7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n\r\n'],
  ['9112 7.1', 'any byte as data', '4\r\n\0\n\r\xff\r\n0\r\n\r\n', '\0\n\r\xff'],
  ['9112 7.1.1', 'an extension', '5;a\r\nhello\r\n0;b\r\n\r\n', 'hello'],
  ['9112 7.1.1', 'extensions with values', '5;a=b;c="d;e"\r\nhello\r\n0\r\n\r\n', 'hello'],
  ['9112 7.1.1', 'blanks round an extension', '5 \t; a = b\r\nhello\r\n0 ;c\r\n\r\n', 'hello'],
  ['9112 7.1.1', 'bytes of 0x80 and up in an extension', '5;a="\xe9"\r\nhello\r\n0\r\n\r\n', 'hello'],
  [
    '9112 7.1.1',
    'as many bytes of extensions as allowed',
    `5;${'a'.repeat(MAX_EXTENSION_BYTES)}\r\nhello\r\n0\r\n\r\n`,
    'hello',
  ],
  ['9112 7.1.2', 'a trailer', '0\r\nA: b\r\n\r\n', '', 'A: b\r\n'],
  ['9112 7.1.2', 'trailers', '1\r\nx\r\n0\r\nA:b\r\nC: \t\xe9 \r\nD:\r\n\r\n', 'x', 'A:b\r\nC: \t\xe9 \r\nD:\r\n'],
  [
    '9110 6.5.1',
    'trailers that resemble those of a head',
    '0\r\nX-Host: a\r\nA:Host: b\r\n\r\n',
    '',
    'X-Host: a\r\nA:Host: b\r\n',
  ],
  [
    '9112 7.1.2',
    'as many trailers as allowed',
    `0\r\n${'A:\r\n'.repeat(MAX_TRAILERS)}\r\n`,
    '',
    'A:\r\n'.repeat(MAX_TRAILERS),
  ],
  [
    '9112 7.1.2',
    'as many bytes of trailers as allowed',
    `0\r\nA:${'b'.repeat(MAX_TRAILER_BYTES - 4)}\r\n\r\n`,
    '',
    `A:${'b'.repeat(MAX_TRAILER_BYTES - 4)}\r\n`,
  ],
];

type Refused = [section: string, what: string, coded: string, verdict?: Chunk];

function each(section: string, what: string, bodies: string[]): Refused[] {
  return bodies.map((coded) => [section, `${what} ${JSON.stringify(coded)}`, coded]);
}

/** Chunked bodies to be refused; as bad unless another verdict is named. */
export const REFUSED_BODIES: readonly Refused[] = [
  ...each('9112 7.1', 'the size', ['\r\n', 'g\r\n', '-1\r\n', '+1\r\n', '0x1\r\nx\r\n', ' 1\r\nx\r\n', '\t1\r\nx\r\n']),
  ...each('9112 7.1', 'the size', ['1_0\r\n', '1.0\r\n', '1,1\r\n', '\xb2\r\n', '\0\r\n', ';a\r\n', '"1"\r\nx\r\n']),
  ...each('9112 7.1', 'blanks after the size', ['1 \r\nx\r\n', '1\t\r\nx\r\n', '1 1\r\nx\r\n', '1 a;b\r\nx\r\n']),
  ['9112 7.1', 'a size of more than twelve digits', `${'1'.repeat(13)}\r\n`],
  ['9112 7.1', 'a size of zeros without end', '0'.repeat(13)],
  ['9112 7.1', 'a size that wraps round 2^64', '10000000000000005\r\nhello\r\n'],
  ['9112 2.2', 'a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
  ['9112 2.2', 'a bare CR after the size', '5\rhello\r\n0\r\n\r\n'],
  ['9112 2.2', 'two CRs after the size', '5\r\r\nhello\r\n0\r\n\r\n'],
  ['9112 7.1.1', 'a bare LF in an extension', '5;a\nhello\r\n0\r\n\r\n'],
  ['9112 7.1.1', 'a bare CR in an extension', '5;a\rb\r\nhello\r\n'],
  ['9112 7.1.1', 'a NUL in an extension', '5;a\0\r\nhello\r\n'],
  ['9112 7.1', 'no line ending after data', '5\r\nhello0\r\n\r\n'],
  ['9112 7.1', 'data longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
  ['9112 7.1', 'a bare LF after data', '5\r\nhello\n0\r\n\r\n'],
  ['9112 7.1', 'a bare CR after data', '5\r\nhello\r0\r\n\r\n'],
  ['9112 7.1', 'an empty line between chunks', '5\r\nhello\r\n\r\n0\r\n\r\n'],
  ['9112 7.1', 'a bare LF at the end', '0\r\n\n'],
  ['9112 7.1', 'a bare CR at the end', '0\r\n\rx'],
  ...each('9112 7.1.2', 'the trailer', [
    '0\r\n a: b\r\n\r\n',
    '0\r\n: b\r\n\r\n',
    '0\r\na : b\r\n\r\n',
    '0\r\na\r\n\r\n',
  ]),
  ...each('9112 7.1.2', 'the trailer', ['0\r\na: b\n\r\n', '0\r\na: b\rc\r\n', '0\r\na: b\0\r\n', '0\r\n\xe9: b\r\n']),
  ['9112 5.2', 'a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['9112 7.1.1', 'an extension longer than allowed', `5;${'a'.repeat(MAX_EXTENSION_BYTES + 1)}`, Chunk.TooLarge],
  [
    '9112 7.1.1',
    'extensions that are longer than allowed together',
    `1;${'a'.repeat(1000)}\r\nx\r\n`.repeat(MAX_EXTENSION_BYTES / 1000 + 1),
    Chunk.TooLarge,
  ],
  ['9112 7.1.1', 'blanks without end', `5${' '.repeat(MAX_EXTENSION_BYTES + 2)}`, Chunk.TooLarge],
  ['9112 7.1.2', 'a trailer longer than allowed', `0\r\nA:${'b'.repeat(MAX_TRAILER_BYTES)}`, Chunk.TooLarge],
  ['9112 7.1.2', 'more trailers than allowed', `0\r\n${'A:\r\n'.repeat(MAX_TRAILERS + 1)}`, Chunk.TooLarge],
  ...each('9110 6.5.1', 'a trailer that belongs in a head', [
    '0\r\nTransfer-Encoding: chunked\r\n\r\n',
    '0\r\nA: b\r\ncontent-length:5\r\n\r\n',
    '1\r\nx\r\n0\r\nHOST: a\r\nA: b\r\n\r\n',
  ]),
];
