import assert from 'node:assert/strict';
import { OUTCOMES } from '../../src/core/outcome.ts';
import type { Rng } from '../../src/core/rng.ts';
import { Chunk } from '../../src/http1/chunked-decoder.ts';
import { KnownFields } from '../../src/http1/known-fields.ts';
import { INCOMPLETE, RequestHead } from '../../src/http1/request-head.ts';
import { BAD_RESPONSE, ResponseHead } from '../../src/http1/response-head.ts';
import { FrameReader } from '../../src/link/frame-reader.ts';
import { FrameWriter } from '../../src/link/frame-writer.ts';
import { FrameType } from '../../src/link/frames.ts';
import { CHUNKS, FIELDS, FRAMING, HOSTS, REQUEST_LINES } from '../http/request-corpus.ts';
import { SMUGGLING } from '../http/smuggling-corpus.ts';
import { cut, decode } from '../http1/chunked-decoding.ts';
import { ACCEPTED_BODIES, REFUSED_BODIES } from '../http1/chunked-vectors.ts';
import { type Comparison, compareBodies, compareHeads } from '../http1/node-comparison.ts';
import type { NodeParser } from '../http1/node-parser.ts';
import { ACCEPTED, LIMITS, REFUSED } from '../http1/request-vectors.ts';
import { compareResponses } from '../http1/response-comparison.ts';
import { ACCEPTED_RESPONSES, REFUSED_RESPONSES } from '../http1/response-vectors.ts';
import { compareStreams } from '../http1/stream-comparison.ts';
import { BatchRecorder, FrameRecorder, readPieces } from '../link/recorded-frames.ts';
import { mutate, places } from './mutation.ts';

/** Something that is fed with mutated input. */
export interface Target {
  readonly name: string;
  readonly corpus: readonly string[];
  /** Throws when the input is not treated as it should be. */
  check(input: string, rng: Rng, node: NodeParser): void;
}

const SHORT_LIMITS = { ...LIMITS, maxHeadBytes: 300, requireHost: false };

export const TARGETS: readonly Target[] = [
  {
    name: 'request-head',
    corpus: short([...ACCEPTED, ...REFUSED].map(([, , text]) => text)),
    check(input, rng, node) {
      const bytes = Buffer.from(input, 'latin1');
      const head = new RequestHead();
      const whole = head.parse(bytes, 0, bytes.length, SHORT_LIMITS);
      assert.ok(whole >= 0 ? whole <= bytes.length : OUTCOMES[-whole] !== undefined, `result ${whole}`);
      const length = rng.below(bytes.length + 1);
      const part = head.parse(Buffer.from(bytes.subarray(0, length)), 0, length, SHORT_LIMITS);
      if (part !== INCOMPLETE) assert.equal(part, whole, `of ${length} bytes`);
      assertSame(compareHeads(node, input));
      if (whole <= 0) return;
      const known = new KnownFields();
      head.tell(known, bytes, head.parse(bytes, 0, bytes.length, SHORT_LIMITS));
      const like = Buffer.from(mutate(rng, [input]), 'latin1');
      const result = head.parse(like, 0, like.length, SHORT_LIMITS, known);
      const { framing, contentLength, keepAlive, wantsUpgrade, hostStart, hostEnd } = head;
      assert.equal(head.parse(like, 0, like.length, SHORT_LIMITS), result, 'a head like it');
      if (result <= 0) return;
      const seen = { framing, contentLength, keepAlive, wantsUpgrade, hostStart, hostEnd };
      for (const [name, value] of Object.entries(seen)) assert.equal(head[name as keyof typeof seen], value, name);
    },
  },
  {
    name: 'response-head',
    corpus: short([...ACCEPTED_RESPONSES, ...REFUSED_RESPONSES].map(([, , text]) => text)),
    check(input, rng, node) {
      const bytes = Buffer.from(input, 'latin1');
      assertSame(compareResponses(node, input));
      const head = new ResponseHead();
      const end = head.parse(bytes, 0, bytes.length);
      const length = rng.below(bytes.length + 1);
      const part = head.parse(bytes, 0, length);
      if (end <= 0) {
        // What more bytes could still mend is incomplete, never good.
        assert.ok(part === BAD_RESPONSE || part === INCOMPLETE, `of ${length} bytes: ${part}`);
        if (end === INCOMPLETE) assert.equal(part, INCOMPLETE);
        return;
      }
      assert.equal(input.indexOf('\r\n\r\n') + 4, end);
      assert.equal(part, length < end ? INCOMPLETE : end);
    },
  },
  {
    name: 'request-stream',
    corpus: streamCorpus(),
    check(input, _rng, node) {
      assertSame(compareStreams(node, input));
    },
  },
  {
    name: 'chunked-body',
    corpus: short([...ACCEPTED_BODIES, ...REFUSED_BODIES].map(([, , coded]) => coded)),
    check(input, rng, node) {
      const whole = decode([input]);
      const pieces = decode(cut(input, places(rng, input.length)));
      const end = whole.verdict === Chunk.End ? whole.used : 0;
      assert.deepEqual({ ...pieces, used: end === 0 ? 0 : pieces.used }, { ...whole, used: end });
      assertSame(compareBodies(node, input));
    },
  },
  {
    name: 'frames',
    corpus: frameCorpus(),
    check(input, rng) {
      const bytes = Buffer.from(input, 'latin1');
      const whole = new FrameRecorder();
      const pieces = new FrameRecorder();
      const isGood = readPieces(new FrameReader(whole), [bytes]);
      const cuts = cut(input, places(rng, input.length)).map((piece) => Buffer.from(piece, 'latin1'));
      assert.equal(readPieces(new FrameReader(pieces), cuts), isGood);
      assert.deepEqual(pieces.frames, whole.frames);
      // What was read is what was written: the same frames give the same bytes.
      const sink = new BatchRecorder();
      const writer = new FrameWriter(sink);
      for (const { type, flags, stream, payload } of whole.frames) writer.text(type, flags, stream, payload);
      writer.flush();
      assert.ok(input.startsWith(sink.bytes.toString('latin1')), 'written again, the frames are others');
    },
  },
];

/** Input of one round. */
export function inputOf(target: Target, rng: Rng): string {
  return mutate(rng, target.corpus);
}

function assertSame({ accepted, difference, nodeError }: Comparison): void {
  assert.equal(difference, '');
  assert.notEqual(accepted, 'ours', `Node refuses it with ${nodeError}`);
}

function short(texts: string[]): string[] {
  return texts.filter((text) => text.length < 500);
}

/** Requests with bodies, one behind the other, as they come when a client pipelines or smuggles. */
function streamCorpus(): string[] {
  const wires = [...REQUEST_LINES, ...FIELDS, ...HOSTS, ...FRAMING, ...CHUNKS, ...SMUGGLING].map(({ bytes }) => bytes);
  return short(wires.map((bytes, i) => wires[(i * 7 + 3) % wires.length]! + bytes));
}

/** A few streams of frames, among them one of every type. */
function frameCorpus(): string[] {
  const types = Object.values(FrameType);
  return [types, [FrameType.Data], [FrameType.Head, FrameType.Data, FrameType.End]].map((chosen, i) => {
    const sink = new BatchRecorder();
    const writer = new FrameWriter(sink);
    for (const type of chosen) writer.text(type, i, type, 'payload'.slice(0, type % 8));
    writer.flush();
    return sink.bytes.toString('latin1');
  });
}
