import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Rng } from '../../../src/core/rng.ts';
import { cut } from './cuts.ts';
import { patternFields } from './fields.ts';
import { nameOf, Part, patternOf } from './pattern.ts';
import { chanceOf, type Plan } from './plan.ts';

/** The buffer that is used again and again. */
const BUFFER_BYTES = 48 * 1024;

/** Of a trailer. */
export const TRAILER_BYTES = 40;

/** Answers as the plan says. */
export function answer(request: IncomingMessage, response: ServerResponse, plan: Plan): void {
  response.on('error', () => {});
  if (plan.delayMs === 0) begin(request, response, plan);
  else setTimeout(begin, plan.delayMs, request, response, plan);
}

function begin(request: IncomingMessage, response: ServerResponse, plan: Plan): void {
  if (response.destroyed) return;
  const id = nameOf(plan.id);
  if (plan.hasHints) response.writeEarlyHints({ link: '</style.css>; rel=preload', 'x-id': id });
  response.statusCode = plan.status;
  response.setHeader('X-Id', id);
  for (const [name, value] of patternFields(Part.ResponseHead, plan.id, plan.responseHead)) {
    response.setHeader(name, value);
  }
  if (plan.status !== 200) {
    response.end();
    return;
  }
  if (plan.isSized) response.setHeader('Content-Length', plan.download);
  if (plan.way === 'echo') request.pipe(response);
  else write(response, plan, patternOf(Part.Download, plan.id, plan.download), chanceOf(plan, 2));
}

function write(response: ServerResponse, plan: Plan, body: Buffer, rng: Rng): void {
  switch (plan.way) {
    case 'until-close':
      response.shouldKeepAlive = false;
      response.removeHeader('Transfer-Encoding');
      writePieces(response, cut(body, rng), rng);
      return;
    case 'trailers':
      response.setHeader('Trailer', 'X-Pattern-0');
      response.addTrailers(patternFields(Part.Trailer, plan.id, TRAILER_BYTES));
      writePieces(response, cut(body, rng), rng);
      return;
    case 'pieces':
      writePieces(response, cut(body, rng), rng);
      return;
    case 'abandoned':
      response.write(body.subarray(0, body.length / 2));
      setTimeout(() => response.destroy(), rng.below(20));
      return;
    case 'texts':
      writeTexts(response, cut(body, rng), rng);
      return;
    case 'callbacks':
      writeFromOneBuffer(response, body, rng);
      return;
    case 'piped':
      Readable.from(cut(body, rng)).pipe(response);
      return;
    default:
      if (!plan.isSized) response.write(body);
      response.end(plan.isSized ? body : undefined);
  }
}

/** Waits for 'drain' as a careful app does, or not, as many do. */
function writePieces(response: ServerResponse, pieces: readonly Buffer[], rng: Rng): void {
  const isCareful = rng.below(2) === 0;
  let next = 0;
  const writeOn = (): void => {
    while (next < pieces.length) {
      if (response.write(pieces[next++]!) || !isCareful) continue;
      response.once('drain', writeOn);
      return;
    }
    response.end();
  };
  writeOn();
}

function writeTexts(response: ServerResponse, pieces: readonly Buffer[], rng: Rng): void {
  for (const piece of pieces) {
    const kind = rng.below(3);
    if (kind === 0) response.write(piece);
    else response.write(piece.toString('latin1'), kind === 1 ? 'latin1' : 'utf8');
  }
  response.end();
}

/** The memory is the app's again when it is called back, and not before. */
function writeFromOneBuffer(response: ServerResponse, body: Buffer, rng: Rng): void {
  const buffer = Buffer.alloc(BUFFER_BYTES);
  let at = 0;
  const writeNext = (): void => {
    const length = body.copy(buffer, 0, at, at + 1 + rng.below(BUFFER_BYTES));
    at += length;
    response.write(buffer.subarray(0, length), at < body.length ? writeNext : () => buffer.fill('!'));
    if (at >= body.length) response.end();
  };
  if (body.length > 0) writeNext();
  else response.end();
}
