/** Reads a body to its end and answers how many bytes came. */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  let receivedBytes = 0;
  request.on('data', (chunk) => {
    receivedBytes += chunk.length;
  });
  request.on('end', () => {
    const body = `${receivedBytes}\n`;
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': String(body.length) });
    response.end(body);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(Number(process.env.PORT));
