/**
 * `/` keeps the event loop busy for 0.3 ms; `/block` stops it for 100 ms. The long stop sleeps rather than spins, so that
 * blocked workers do not take the cores from the load and from the system that is measured.
 */
import { createServer } from 'node:http';

const cell = new Int32Array(new SharedArrayBuffer(4));
const body = 'done\n';
const head = { 'content-type': 'text/plain', 'content-length': String(body.length) };

function spin(durationMs) {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

const server = createServer((request, response) => {
  if (request.url === '/block') Atomics.wait(cell, 0, 0, 100);
  else spin(0.3);
  response.writeHead(200, head);
  response.end(body);
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT));
