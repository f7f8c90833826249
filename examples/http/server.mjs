// The smallest app: node:http, an ES module, top-level await.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

// A worker gets its first request when it listens, not before: take the time that a start needs.
await sleep(100);

const server = createServer((_req, res) => {
  res.end(`Hello from worker ${process.env.EVENER_WORKER_ID ?? '-'}, pid ${process.pid}\n`);
});

// Evener sends SIGTERM once the requests in flight are done. Without a handler the process just ends, which is right
// for most apps; this is the place to close what needs closing.
process.on('SIGTERM', () => {
  server.close(() => process.exit());
});

server.listen(process.env.PORT ?? 3000);
