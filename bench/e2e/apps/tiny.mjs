/** Answers 13 bytes: what is left is the cost of the way there and back. */
import { createServer } from 'node:http';

const body = 'hello, world\n';
const head = { 'content-type': 'text/plain', 'content-length': String(body.length) };

const server = createServer((_request, response) => {
  response.writeHead(200, head);
  response.end(body);
});
// Longer than any case, so that no system meets a connection closed under it; the same in every app here.
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT));
