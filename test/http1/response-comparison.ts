import { Framing } from '../../src/http1/request-head.ts';
import { ResponseHead } from '../../src/http1/response-head.ts';
import { type Comparison, fieldsOf, withoutTabs } from './node-comparison.ts';
import type { NodeParser } from './node-parser.ts';

const HEAD = new ResponseHead();

/**
 * Compares what a response's head says to us and to Node: status, version, fields and framing. Only where both accept
 * it, for each is stricter than the other somewhere; what is no whole head for us is skipped.
 */
export function compareResponses(node: NodeParser, text: string): Comparison {
  const neither: Comparison = { accepted: 'neither', nodeError: '', difference: '' };
  const bytes = Buffer.from(withoutTabs(text), 'latin1');
  const end = HEAD.parse(bytes, 0, bytes.length);
  if (end <= 0) return neither;
  const shown = bytes.subarray(0, end);
  const theirs = node.readResponse(shown);
  if (theirs.head === null || theirs.error !== '') return neither;
  const { status, majorVersion, minorVersion, fields } = theirs.head;
  const hasNone = status < 200 || status === 204 || status === 304;
  const ours = [
    HEAD.status,
    `1.${text.charAt(7)}`,
    fieldsOf(bytes.latin1Slice(0, end)),
    hasNone ? Framing.None : HEAD.framing,
  ];
  const nodes = [status, `${majorVersion}.${minorVersion}`, fields, hasNone ? Framing.None : framingOf(node, shown)];
  const [a, b] = [JSON.stringify(ours), JSON.stringify(nodes)];
  return { accepted: 'both', nodeError: '', difference: a === b ? '' : `ours ${a}\nnode ${b}` };
}

/** How Node will read the body that follows this head, found by showing it one. */
function framingOf(node: NodeParser, head: Buffer): Framing {
  const length = HEAD.contentLength;
  const none = node.readResponse(head);
  if (none.isComplete) return length === 0 ? Framing.Length : Framing.None;
  if (node.readResponse(head, Buffer.from('Z')).error !== '') return Framing.Chunked;
  if (length < 0 || length > 10_000) return length < 0 ? Framing.UntilClose : Framing.Length;
  const exact = node.readResponse(head, Buffer.alloc(length));
  const short = node.readResponse(head, Buffer.alloc(length - 1));
  return exact.isComplete && !short.isComplete ? Framing.Length : Framing.UntilClose;
}
