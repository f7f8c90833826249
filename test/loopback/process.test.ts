import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { LOOPBACK } from '../support/package-scripts.ts';

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  /** What it has left of its temporary files. */
  readonly leftovers: readonly string[];
}

/** Runs a script under the preload until it ends by itself. */
async function run(t: TestContext, script: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = start(t, script, env);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const leftovers = readdirSync(child.folder).filter((name) => name.startsWith('evener-'));
  return { code, signal, output, leftovers };
}

function start(t: TestContext, script: string, env: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'evl-'));
  const child = spawn(process.execPath, ['--import', LOOPBACK, '--input-type=commonjs', '-e', script], {
    env: { ...process.env, TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return Object.assign(child, { folder });
}

const PREAMBLE = `
  const http = require('node:http');
  const net = require('node:net');
  const get = (port) => new Promise((resolve, reject) => {
    http.get({ port, agent: false }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece)).on('end', () => resolve(text));
    }).on('error', reject);
  });
`;

test('a process that listens at nothing starts no thread', async (t) => {
  const ended = await run(t, `setTimeout(() => console.log(process.uptime() < 60), 50)`);
  assert.deepEqual(ended, { code: 0, signal: null, output: 'true\n', leftovers: [] });
});

test('the address is there when listen() returns, and the process ends with its server', async (t) => {
  const script = `${PREAMBLE}
    const server = http.createServer((request, response) => response.end(Object.getPrototypeOf(request.socket) === require('node:net').Socket.prototype ? 'own' : 'link')).listen(0);
    const { port } = server.address();
    get(port).then((text) => { console.log(typeof port, text); server.close(() => console.log('closed')); });
  `;
  const ended = await run(t, script);
  assert.deepEqual(ended, { code: 0, signal: null, output: 'number link\nclosed\n', leftovers: [] });
});

test("'listening' comes on the next tick, with the address", async (t) => {
  const script = `${PREAMBLE}
    const order = [];
    const server = http.createServer().listen(0, () => {
      order.push('listening ' + (server.address().port > 0));
      server.close();
      console.log(order.join());
    });
    process.nextTick(() => order.push('tick'));
    order.push('sync');
  `;
  assert.equal((await run(t, script)).output, 'sync,listening true\n');
});

test('an open server keeps the process, and one that is unref()ed does not', async (t) => {
  const open = start(t, `${PREAMBLE} http.createServer().listen(0, () => console.log('open'))`);
  await once(open.stdout, 'data');
  const unrefed = await run(t, `${PREAMBLE} http.createServer().listen(0, () => console.log('open')).unref()`);
  assert.deepEqual([unrefed.code, unrefed.leftovers], [0, []]);
  assert.equal(open.exitCode, null);
});

test('a port that is taken is told of as an error, and one that was closed is free at once', async (t) => {
  const script = `${PREAMBLE}
    const first = http.createServer().listen(0);
    const { port } = first.address();
    const second = net.createServer();
    second.on('error', (error) => {
      console.log(error.code, error.syscall, error.port === port, second.listening);
      first.close();
      const third = http.createServer().listen(port, () => { console.log('again'); third.close(); });
    });
    second.listen(port);
    console.log(second.listening);
  `;
  assert.equal((await run(t, script)).output, 'false\nEADDRINUSE listen true false\nagain\n');
});

test('a hundred servers, one after the other and at the same time', async (t) => {
  const script = `${PREAMBLE}
    (async () => {
      for (let i = 0; i < 50; i++) {
        const server = http.createServer((_request, response) => response.end(String(i))).listen(0);
        if ((await get(server.address().port)) !== String(i)) throw new Error('another answered');
        await new Promise((resolve) => server.close(resolve));
      }
      const servers = Array.from({ length: 50 }, (_, i) => http.createServer((_q, r) => r.end(String(i))).listen(0));
      const answers = await Promise.all(servers.map((server) => get(server.address().port)));
      console.log(answers.every((answer, i) => answer === String(i)));
      for (const server of servers) server.close();
    })();
  `;
  const ended = await run(t, script);
  assert.deepEqual([ended.code, ended.output], [0, 'true\n']);
});

test('close() right after listen(), before anything was told', async (t) => {
  const script = `${PREAMBLE}
    const server = http.createServer().listen(0);
    const { port } = server.address();
    server.close(() => get(port).then(() => console.log('answered'), (error) => console.log(error.code)));
  `;
  assert.equal((await run(t, script)).output, 'ECONNREFUSED\n');
});

test('servers of bytes go the same way', async (t) => {
  const script = `${PREAMBLE}
    const server = net.createServer((socket) => socket.pipe(socket)).listen(0);
    const socket = net.connect(server.address().port);
    socket.end('echo');
    socket.on('data', (data) => console.log(String(data), socket._handle !== null));
    socket.on('close', () => server.close());
  `;
  assert.equal((await run(t, script)).output, 'echo true\n');
});

test('timers that a suite has put in the place of the real ones do not hold it up', async (t) => {
  const script = `${PREAMBLE}
    for (const name of ['setTimeout', 'setInterval', 'setImmediate']) globalThis[name] = () => ({ unref() {}, ref() {} });
    const server = http.createServer((_request, response) => response.end('in real time')).listen(0);
    get(server.address().port).then((text) => { console.log(text); server.close(); });
  `;
  assert.equal((await run(t, script)).output, 'in real time\n');
});

test('an exception ends the process as it would', async (t) => {
  const script = `${PREAMBLE}
    process.on('exit', (code) => console.log('exit', code));
    http.createServer().listen(0, () => process.exit(3));
  `;
  const ended = await run(t, script);
  assert.deepEqual(ended, { code: 3, signal: null, output: 'exit 3\n', leftovers: [] });
});

test('it leaves the folder of a process that was killed to the next Evener', async (t) => {
  const child = start(t, `${PREAMBLE} http.createServer().listen(0, () => console.log('open'))`);
  await once(child.stdout, 'data');
  const [folder] = readdirSync(child.folder);
  // That is how src/supervision/runtime-directory.ts finds what was left behind.
  assert.match(folder!, new RegExp(`^evener-${child.pid}-\\w{6}$`));
});

test('a main thread that is busy for long answers afterwards', async (t) => {
  const script = `${PREAMBLE}
    const server = http.createServer((_request, response) => response.end('late')).listen(0);
    get(server.address().port).then((text) => { console.log(text); server.close(); });
    setImmediate(() => { const end = Date.now() + 1500; while (Date.now() < end); });
  `;
  assert.equal((await run(t, script)).output, 'late\n');
});

test('a child process has a balancer of its own', async (t) => {
  const script = `${PREAMBLE}
    const { fork } = require('node:child_process');
    if (process.argv[2] !== 'child') {
      const path = require('node:path').join(process.env.TMPDIR, 'child.cjs');
      require('node:fs').writeFileSync(path, \`
        const http = require('node:http');
        const server = http.createServer((q, r) => r.end(Object.getPrototypeOf(q.socket) === require('node:net').Socket.prototype ? 'own' : 'link')).listen(0);
        process.send(server.address().port);
        process.on('message', () => process.exit());
      \`);
      const child = fork(path, { execArgv: process.execArgv.slice(0, 2) });
      child.on('message', (port) => get(port).then((text) => { console.log(text); child.send('end'); }));
    }
  `;
  assert.equal((await run(t, script)).output, 'link\n');
});

test('cluster workers are left to node:cluster', async (t) => {
  const script = `
    const path = require('node:path').join(process.env.TMPDIR, 'cluster.cjs');
    require('node:fs').writeFileSync(path, \`
      const cluster = require('node:cluster');
      const http = require('node:http');
      if (cluster.isPrimary) {
        const worker = cluster.fork();
        cluster.on('listening', (_worker, { port }) => {
          http.get({ port, agent: false }, (response) => {
            response.on('data', (piece) => console.log(String(piece))).on('end', () => worker.kill());
          });
        });
      } else {
        http.createServer((q, r) => r.end(Object.getPrototypeOf(q.socket) === require('node:net').Socket.prototype ? 'own' : 'link')).listen(0);
      }
    \`);
    require('node:child_process').spawn(process.execPath, [...process.execArgv.slice(0, 2), path], { stdio: 'inherit' });
  `;
  const ended = await run(t, script);
  assert.equal(ended.output, 'own\n');
});
