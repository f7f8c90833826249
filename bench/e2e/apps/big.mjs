/** Answers 1 MiB from memory. */
import { createServer } from 'node:http';

const body = Buffer.alloc(1024 * 1024, 'x');
const head = { 'content-type': 'application/octet-stream', 'content-length': String(body.length) };

const server = createServer((_request, response) => {
  response.writeHead(200, head);
  response.end(body);
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT));
