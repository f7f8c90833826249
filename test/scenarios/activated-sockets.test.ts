import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

/** Opens sockets as a service manager does, keeps them open, and starts the command with them from descriptor 3 on. */
const LAUNCHER = `
import os, signal, socket, sys
addresses = sys.argv[1].split(",")
sockets = []
for address in addresses:
    if address.startswith("/"):
        one = socket.socket(socket.AF_UNIX)
        one.bind(address)
    else:
        host, port = address.rsplit(":", 1)
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, int(port)))
    one.listen(128)
    sockets.append(one)
pid = os.fork()
if pid == 0:
    copies = [os.dup2(os.dup(one.fileno()), 100 + n) for n, one in enumerate(sockets)]
    for n, copy in enumerate(copies):
        os.dup2(copy, 3 + n, inheritable=True)
        os.close(copy)
    environment = dict(os.environ, LISTEN_FDS=str(len(sockets)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=":".join("s%d" % n for n in range(len(sockets))))
    os.execve(sys.argv[2], sys.argv[2:], environment)
signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
`;

function startWith(
  context: TestContext,
  addresses: readonly string[],
  args: readonly string[],
  env = {},
): EvenerProcess {
  const launcher = ['python3', '-c', LAUNCHER, addresses.join(',')];
  return new EvenerProcess(context, args, { launcher, env });
}

function getFrom(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get({ socketPath, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      response.on('end', () => resolve(body));
    });
    outgoing.on('error', reject);
  });
}

test('accepts on the socket that stands for the port of the app', async (context) => {
  const [port, other] = [await freePort(), await freePort()];
  const evener = startWith(context, [`0.0.0.0:${other}`, `127.0.0.1:${port}`], ['server.cjs', '-w', '2'], {
    PORT: String(port),
  });
  assert.equal(await evener.url(2), `http://127.0.0.1:${port}`);
  // It could not have opened it a second time.
  const pids = new Set<number>();
  await until('answers of both workers', async () => {
    const { body } = await request(`http://127.0.0.1:${port}/facts`);
    return pids.add((JSON.parse(body) as { pid: number }).pid).size === 2;
  });
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
});

test('accepts with several balancer threads', async (context) => {
  const port = await freePort();
  const args = ['server.cjs', '-w', '2', '--threads', '2', '-p', String(port)];
  const evener = startWith(context, [`[::1]:${port}`.replace(/[[\]]/g, '')], args);
  assert.equal(await evener.url(2), `http://[::1]:${port}`);
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(`http://[::1]:${port}/`)));
  assert.ok(answers.every(({ status }) => status === 200));
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
});

test('accepts on a Unix socket, and leaves its file to whoever made it', async (context) => {
  const folder = new EvenerProcess(context, ['--version']).temporary;
  const path = join(folder, 'app.sock');
  const evener = startWith(context, [path], ['server.cjs', '-w', '1'], { PORT: path });
  await evener.said(/listening on .*app\.sock/);
  await evener.saidTimes(/worker 0 ready/, 1);
  assert.equal(await getFrom(path), 'hello');
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.ok(existsSync(path));
});

test('what comes between two runs waits in the socket', async (context) => {
  const port = await freePort();
  const launcher = [
    'python3',
    '-c',
    // Two runs, one after the other, with the same socket.
    LAUNCHER.replace('pid = os.fork()', 'again = os.fork()\nif again != 0:\n    os.waitpid(again, 0)\npid = os.fork()'),
    `127.0.0.1:${port}`,
  ];
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1'], { launcher, env: { PORT: String(port) } });
  await evener.url(1);
  const [, pid] = /worker 0 ready \(pid (\d+)/.exec(evener.stderr)!;
  assert.equal((await request(`http://127.0.0.1:${port}/`)).status, 200);
  const [supervisor] = [Number(parentOf(Number(pid)))];
  process.kill(supervisor, 'SIGTERM');
  await evener.said(/stopping/);
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(`http://127.0.0.1:${port}/`)));
  assert.deepEqual(
    answers.filter(({ status }) => status !== 200),
    [],
  );
  await evener.saidTimes(/worker 0 ready/, 2);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
});

test('descriptors that are for another process are left alone', async (context) => {
  const port = await freePort();
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1'], {
    env: { LISTEN_FDS: '2', LISTEN_PID: '1', PORT: String(port) },
  });
  assert.equal((await request(await evener.url())).status, 200);
});

function parentOf(pid: number): string {
  return /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]!;
}
