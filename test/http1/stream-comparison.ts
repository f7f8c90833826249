import { Chunk, ChunkedDecoder } from '../../src/http1/chunked-decoder.ts';
import { Framing, INCOMPLETE, RequestHead } from '../../src/http1/request-head.ts';
import { type Comparison, fieldsOf, withoutTabs } from './node-comparison.ts';
import type { NodeParser } from './node-parser.ts';
import { LIMITS } from './request-vectors.ts';

/** What a request of a stream says, for comparing. */
type Message = [method: number, target: string, version: string, fields: string[], body: string, trailers: string[]];

const HEAD = new RequestHead();
const DECODER = new ChunkedDecoder();

/**
 * Compares how requests that come one behind the other on a connection are told apart, by us and by Node: where the two
 * disagree about an end, a request can be smuggled past one of them. All that we take must be the same to Node.
 */
export function compareStreams(node: NodeParser, text: string): Comparison {
  // Node refuses a value of framing with a tab behind it, which RFC 9110 section 5.6.3 lets stand there.
  const shown = withoutTabs(text);
  const bytes = Buffer.from(shown, 'latin1');
  const ours = messagesOf(bytes);
  const readings = node.readAll(bytes);
  const theirs = readings
    .filter(({ isComplete }) => isComplete)
    .map((reading): Message => {
      const { head, body, trailers } = reading;
      const version = `${head!.majorVersion}.${head!.minorVersion}`;
      return [head!.method, head!.target, version, [...head!.fields], body, trailers];
    });
  const nodeError = readings.at(-1)?.error ?? '';
  const common = Math.min(ours.length, theirs.length);
  const [a, b] = [JSON.stringify(ours.slice(0, common)), JSON.stringify(theirs.slice(0, common))];
  // Of extensions, which we drop, Node takes less than we do.
  const isExtension = EXTENSION_ERRORS.has(nodeError) && /[0-9a-f][ \t]*;/i.test(shown);
  const isOursOnly = ours.length > theirs.length && !isExtension;
  return {
    accepted: isOursOnly ? 'ours' : common > 0 ? 'both' : 'neither',
    nodeError,
    difference: a === b ? '' : `ours ${a}\nnode ${b}`,
  };
}

const EXTENSION_ERRORS: ReadonlySet<string> = new Set(['HPE_INVALID_CHUNK_SIZE', 'HPE_STRICT']);

/** The requests that a connection would take, up to the first that is refused, not complete, or the last of it. */
function messagesOf(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  let at = 0;
  for (;;) {
    const end = HEAD.parse(bytes, at, bytes.length, { ...LIMITS, requireHost: false });
    // Bytes behind an upgrade are the tunnel's.
    if (end <= INCOMPLETE || HEAD.wantsUpgrade || /^connection:.*upgrade/im.test(bytes.latin1Slice(at, end))) break;
    const { method, minorVersion, keepAlive, framing, contentLength } = HEAD;
    const target = bytes.latin1Slice(HEAD.targetStart, HEAD.targetEnd);
    const fields = fieldsOf(bytes.latin1Slice(HEAD.start, end));
    let body = '';
    let trailers: string[] = [];
    at = end;
    if (framing === Framing.Length) {
      if (bytes.length - at < contentLength) break;
      body = bytes.latin1Slice(at, at + contentLength);
      at += contentLength;
    } else if (framing === Framing.Chunked) {
      DECODER.reset();
      DECODER.at = at;
      let found = DECODER.next(bytes, bytes.length);
      while (found === Chunk.Data) {
        body += bytes.latin1Slice(DECODER.dataStart, DECODER.dataEnd);
        found = DECODER.next(bytes, bytes.length);
      }
      if (found !== Chunk.End) break;
      trailers = fieldsOf(`\r\n${DECODER.trailers}\r\n`);
      at = DECODER.at;
    }
    messages.push([method, target, `1.${minorVersion}`, fields, body, trailers]);
    if (!keepAlive) break;
  }
  return messages;
}
