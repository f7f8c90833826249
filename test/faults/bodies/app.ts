/**
 * An app that does with each request what its plan says, and compares every byte that it gets. It notes in the file
 * DELIVERIES which requests it has begun and what was wrong with them, which outlives it however it dies. With SECRETS, a
 * path without `.cert.pem` and `.key.pem`, it speaks TLS.
 */
import { openSync, readFileSync, writeSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { answer } from './answer.ts';
import { wrongFields } from './fields.ts';
import { nameOf, Part, PatternCheck } from './pattern.ts';
import { chanceOf, type Plan } from './plan.ts';

/** The event loop stands still for so long where a plan says that it blocks. */
const BLOCK_MS = 4;

const { DELIVERIES, SECRETS, PORT = '0' } = process.env;
const deliveries = openSync(DELIVERIES!, 'a');

/** One write, so that those of all processes stay whole. */
function note(what: 'begun' | 'whole' | 'wrong' | 'dropped', id: string, text: string = ''): void {
  writeSync(deliveries, `${what} ${id} ${text}\n`);
}

/** The last request that came on a connection. */
const lastOn = new WeakMap<Duplex, string>();

function receive(request: http.IncomingMessage, response: http.ServerResponse): void {
  // Evener's own question for a sign of life.
  if (request.headers['x-plan'] === undefined) {
    response.end();
    return;
  }
  const plan = JSON.parse(String(request.headers['x-plan'])) as Plan;
  const id = nameOf(plan.id);
  note('begun', id);
  lastOn.set(request.socket, id);
  const headWrong =
    request.url !== `/${id}` || request.method !== plan.method
      ? `the head of ${id} says ${request.method} ${request.url}`
      : wrongFields(Part.RequestHead, plan.id, plan.requestHead, (name) => request.headers[name] as string | undefined);
  if (headWrong !== null) note('wrong', id, headWrong);
  read(request, plan, id, () => {
    if (!plan.isEarly) answer(request, response, plan);
  });
  if (plan.isEarly || plan.way === 'echo') answer(request, response, plan);
}

/** Reads the body as the plan says, and compares it. */
function read(request: http.IncomingMessage, plan: Plan, id: string, onWhole: () => void): void {
  const rng = chanceOf(plan, 1);
  const check = new PatternCheck(Part.Upload, plan.id, plan.upload ?? 0);
  let wrong: string | null = null;
  request.on('error', () => {});
  request.on('data', (piece: Buffer) => {
    wrong ??= check.take(piece);
    if (plan.reading === 'eager' || rng.below(3) > 0) return;
    if (plan.reading === 'blocking') {
      const end = performance.now() + BLOCK_MS;
      while (performance.now() < end);
      return;
    }
    request.pause();
    setTimeout(() => request.resume(), rng.below(20));
  });
  request.on('end', () => {
    wrong ??= check.end();
    if (plan.hasTrailer) {
      wrong ??= wrongFields(Part.RequestTrailer, plan.id, 40, (name) => request.trailers[name]);
    }
    if (wrong === null) note('whole', id);
    else note('wrong', id, wrong);
    if (plan.way !== 'echo') onWhole();
  });
}

const server =
  SECRETS === undefined
    ? http.createServer(receive)
    : https.createServer(
        { cert: readFileSync(`${SECRETS}.cert.pem`), key: readFileSync(`${SECRETS}.key.pem`) },
        receive,
      );
// An idle connection that the server closes just as its client uses it again is a lost request of any HTTP/1.1 server's
// (nodejs/node#20256), and not what is looked for here.
server.keepAliveTimeout = 120_000;
// Over TLS Node's server stops its own parser where a request comes before it has heard that its last answer is out, and then
// takes the body for an error: nobody else is to blame for what becomes of that request.
server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
  if (error.code === 'HPE_PAUSED') note('dropped', lastOn.get(socket) ?? '');
  socket.destroy(error);
});
server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('listening\n'));
