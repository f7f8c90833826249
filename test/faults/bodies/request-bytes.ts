import type { Rng } from '../../../src/core/rng.ts';
import { TRAILER_BYTES } from './answer.ts';
import { cut } from './cuts.ts';
import { patternFields } from './fields.ts';
import { nameOf, Part, patternOf } from './pattern.ts';
import type { Plan } from './plan.ts';

/** A request as it goes over the wire. */
export function requestBytes(plan: Plan, rng: Rng): Buffer {
  const { id, upload, requestHead } = plan;
  const fields = [
    ['Host', 'bodies'],
    ['X-Plan', JSON.stringify(plan)],
    ...patternFields(Part.RequestHead, id, requestHead),
    ...(plan.expectsContinue ? [['Expect', '100-continue']] : []),
  ];
  const pieces: Buffer[] = [];
  if (upload !== null) {
    const body = patternOf(Part.Upload, id, upload);
    if (plan.isUploadChunked) {
      fields.push(['Transfer-Encoding', 'chunked']);
      for (const piece of cut(body, rng)) if (piece.length > 0) pieces.push(...chunk(piece, rng));
      const trailer = plan.hasTrailer ? linesOf(patternFields(Part.RequestTrailer, id, TRAILER_BYTES)) : '';
      pieces.push(Buffer.from(`0\r\n${trailer}\r\n`));
    } else {
      fields.push(['Content-Length', String(upload)]);
      pieces.push(body);
    }
  }
  return Buffer.concat([Buffer.from(`${plan.method} /${nameOf(id)} HTTP/1.1\r\n${linesOf(fields)}\r\n`), ...pieces]);
}

function chunk(piece: Buffer, rng: Rng): Buffer[] {
  const extension = rng.below(50) === 0 ? ';a=b' : '';
  return [Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from('\r\n')];
}

function linesOf(fields: readonly (readonly string[])[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
