/** One server of four: says its name; `/slow` makes it slower from then on. Arguments: port, name. */
import http from 'node:http';

const [port, name] = process.argv.slice(2);
let delayMs = 5;
const server = http.createServer((request, response) => {
  if (request.url === '/healthz') {
    response.end('fine');
    return;
  }
  if (request.url.startsWith('/slow')) {
    delayMs = 205;
    response.end();
    return;
  }
  request.resume();
  setTimeout(() => response.end(name), delayMs);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
