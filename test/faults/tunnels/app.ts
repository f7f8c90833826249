/**
 * An app that opens tunnels and does with each what its plan says, comparing every byte that it gets. It notes in the file
 * DELIVERIES which it has begun and how it has seen them end.
 */
import { openSync, writeSync } from 'node:fs';
import http from 'node:http';
import { nameOf, Part, patternOf } from '../bodies/pattern.ts';
import type { TunnelPlan } from './plan.ts';
import { TunnelEnd } from './tunnel-end.ts';

const { DELIVERIES, PORT = '0' } = process.env;
const deliveries = openSync(DELIVERIES!, 'a');

/** One write, so that those of all processes stay whole. */
function note(what: 'begun' | 'whole' | 'short' | 'wrong', id: string, text: string = ''): void {
  writeSync(deliveries, `${what} ${id} ${text}\n`);
}

const server = http.createServer((_, response) => response.end());
server.on('upgrade', (request, socket, head) => {
  const plan = JSON.parse(String(request.headers['x-plan'])) as TunnelPlan;
  const id = nameOf(plan.id);
  note('begun', id);
  if (plan.isDeclined) {
    const body = patternOf(Part.Download, plan.id, plan.down);
    socket.on('error', () => {});
    socket.end(
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 403 Forbidden\r\nX-Id: ${id}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
        ),
        body,
      ]),
    );
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${request.headers.upgrade}\r\nConnection: Upgrade\r\nX-Id: ${id}\r\n\r\n`,
  );
  const end = new TunnelEnd(socket, plan, 'app', ({ isWhole, extent, wrong }) => {
    if (wrong !== null) note('wrong', id, wrong);
    else note(isWhole ? 'whole' : 'short', id, extent);
  });
  if (head.length > 0) end.take(head);
  socket.on('data', (bytes: Buffer) => end.take(bytes));
  void end.send();
});
server.keepAliveTimeout = 120_000;
server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('listening\n'));
