import { Chunk } from '../../src/http1/chunked-decoder.ts';
import { Method } from '../../src/http1/methods.ts';
import { Framing, INCOMPLETE, RequestHead } from '../../src/http1/request-head.ts';
import { decode } from './chunked-decoding.ts';
import type { NodeParser, NodeReading } from './node-parser.ts';
import { LIMITS } from './request-vectors.ts';

/** How our reading of some bytes and Node's compare. */
export interface Comparison {
  /** Which of the two took them for a whole request head, or body. */
  readonly accepted: 'both' | 'ours' | 'node' | 'neither';
  /** Node's reason to refuse. */
  readonly nodeError: string;
  /** What the two of them say where they say different things; '' = nothing. */
  readonly difference: string;
}

const HEAD = new RequestHead();

/**
 * Compares what a head says: method, target, version, fields, framing, and what becomes of the connection. Known
 * differences, all in favour of the RFCs, are made up for:
 * - Node refuses or does not recognize a value of framing or connection with a tab behind it (RFC 9110 section 5.6.3
 *   lets it stand there): it is shown a space instead.
 * - Node takes an Upgrade in HTTP/1.0 (RFC 9110 section 7.8: it is ignored).
 * - Node keeps an HTTP/1.0 connection that asks for both close and keep-alive (RFC 9112 section 9.3: close wins).
 */
export function compareHeads(node: NodeParser, text: string): Comparison {
  const bytes = Buffer.from(text, 'latin1');
  const end = HEAD.parse(bytes, 0, bytes.length, { ...LIMITS, requireHost: false });
  const shown = Buffer.from(withoutTabs(text), 'latin1');
  const theirs = node.read(end > 0 ? shown.subarray(0, end) : shown);
  const isTheirs = theirs.head !== null && theirs.error === '';
  if (end <= INCOMPLETE || !isTheirs) {
    const accepted = end > INCOMPLETE ? 'ours' : isTheirs ? 'node' : 'neither';
    return { accepted, nodeError: theirs.error, difference: '' };
  }
  const head = theirs.head!;
  const isUpgrade = head.isUpgrade && (HEAD.minorVersion === 1 || HEAD.method === Method.Connect);
  const asksForBoth = HEAD.minorVersion === 0 && /keep-alive/i.test(text) && /close/i.test(text);
  const ours = [
    HEAD.method,
    bytes.latin1Slice(HEAD.targetStart, HEAD.targetEnd),
    `1.${HEAD.minorVersion}`,
    fieldsOf(shown.latin1Slice(HEAD.start, end)),
    asksForBoth || HEAD.keepAlive,
    HEAD.wantsUpgrade,
    // A tunnel's bytes follow at once, whatever the fields say (RFC 9112 section 6.3 rule 2 for CONNECT).
    HEAD.wantsUpgrade ? 'tunnel' : HEAD.framing,
    HEAD.wantsUpgrade ? 0 : HEAD.contentLength,
  ];
  const { framing, contentLength } = framingOf(node, shown.subarray(0, end), theirs);
  const nodes = [
    head.method,
    head.target,
    `${head.majorVersion}.${head.minorVersion}`,
    head.fields,
    asksForBoth || head.keepAlive,
    isUpgrade,
    isUpgrade ? 'tunnel' : framing,
    isUpgrade ? 0 : contentLength,
  ];
  const [a, b] = [JSON.stringify(ours), JSON.stringify(nodes)];
  return { accepted: 'both', nodeError: '', difference: a === b ? '' : `ours ${a}\nnode ${b}` };
}

/**
 * Compares the content, trailers and end of a chunked body. Of extensions, which we drop, Node takes less than we do: it
 * allows no blanks before them (RFC 9112 section 7.1.1 wants that tolerated) and no empty or quaint ones.
 */
export function compareBodies(node: NodeParser, coded: string): Comparison {
  const ours = decode([coded]);
  const theirs = node.read(
    CHUNKED_HEAD,
    Buffer.from(ours.verdict === Chunk.End ? coded.slice(0, ours.used) : coded, 'latin1'),
  );
  const isOurs = ours.verdict === Chunk.End;
  const isTheirs = theirs.isComplete && theirs.error === '';
  const isExtension = EXTENSION_ERRORS.has(theirs.error) && /^[0-9a-f]+[ \t]*;/im.test(coded);
  if (isOurs && isExtension) return { accepted: 'neither', nodeError: theirs.error, difference: '' };
  if (!isOurs || !isTheirs) {
    // With some of it missing, what there is has to be the same.
    const isPrefix = ours.verdict !== Chunk.NeedsMore || theirs.error !== '' || ours.body === theirs.body;
    return {
      accepted: isOurs ? 'ours' : isTheirs ? 'node' : 'neither',
      nodeError: theirs.error,
      difference: isPrefix ? '' : `ours ${JSON.stringify(ours)}\nnode ${JSON.stringify(theirs)}`,
    };
  }
  const a = JSON.stringify([ours.body, fieldsOf(`\r\n${ours.trailers}\r\n`)]);
  const b = JSON.stringify([theirs.body, theirs.trailers]);
  return { accepted: 'both', nodeError: '', difference: a === b ? '' : `ours ${a}\nnode ${b}` };
}

const EXTENSION_ERRORS: ReadonlySet<string> = new Set(['HPE_INVALID_CHUNK_SIZE', 'HPE_STRICT']);

const CHUNKED_HEAD = Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');

/** Node does not say how it will read a body, but shows it: the letter is a body's first byte, and no size of a chunk. */
function framingOf(node: NodeParser, head: Buffer, reading: NodeReading): { framing: Framing; contentLength: number } {
  if (reading.isComplete) return { framing: Framing.None, contentLength: 0 };
  const probe = node.read(head, Buffer.from('Z'));
  if (probe.error !== '') return { framing: Framing.Chunked, contentLength: 0 };
  const { fields } = reading.head!;
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-length');
  const contentLength = Number(fields[at + 1]);
  if (contentLength < 10_000) {
    const isExact =
      contentLength > 0 &&
      node.read(head, Buffer.alloc(contentLength)).isComplete &&
      !node.read(head, Buffer.alloc(contentLength - 1)).isComplete;
    if (!isExact) return { framing: Framing.Length, contentLength: Number.NaN };
  }
  return { framing: Framing.Length, contentLength };
}

/**
 * Node refuses or does not recognize a value of framing with a tab behind it, which RFC 9110 section 5.6.3 lets stand
 * there: with a space instead.
 */
export function withoutTabs(text: string): string {
  return text.replace(/[\t ]+(?=\r\n|,)/g, (blanks) => ' '.repeat(blanks.length));
}

/** Names and values, in turn, of a head that was accepted. */
export function fieldsOf(head: string): string[] {
  const lines = head.split('\r\n').slice(1, -2);
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
}
