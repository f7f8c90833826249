import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { sameAsNode, sameBehaviourIn, type TellingApp } from './support/both.ts';

const sameAsApp = sameBehaviourIn('servers.cjs');

const GET = (path: string, fields: string = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const CLOSING = GET('/', 'Connection: close\r\n');

async function connect(app: TellingApp): Promise<RawClient> {
  return RawClient.connect(app.test, await app.url());
}

/** A response as text, without the date. */
async function answer(client: RawClient, request: string): Promise<string> {
  client.write(request);
  const { head, body } = await client.response(/^\w+/.exec(request)![0]);
  return `${head}${body}`.replace(/^Date: .*\r$/gm, 'Date: now');
}

/** All that comes until the server closes. */
async function rest(client: RawClient): Promise<string> {
  return (await client.rest()).replace(/^Date: .*\r$/gm, 'Date: now');
}

async function isRefused(app: TellingApp): Promise<boolean> {
  return connect(app).then(
    () => false,
    () => true,
  );
}

sameAsApp('the storage of a request is its own', 'storage', async (app) => {
  const client = await connect(app);
  for (let i = 0; i < 3; i++) await answer(client, GET('/'));
  await answer(client, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody');
  await Promise.all([app.told('inside', 3), app.told('finish', 3)]);
  client.socket.destroy();
  const own = [...app.all('before'), ...app.all('inside')];
  return { own, finish: app.all('finish') };
});

sameAsApp('storages of requests at the same time are apart', 'storage of many', async (app) => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => connect(app)));
  await Promise.all(clients.map((client) => answer(client, GET('/'))));
  await Promise.all(clients.map((client) => answer(client, GET('/'))));
  await app.told('inside', 39);
  const inside = app.all('inside') as [number, number, number][];
  return { strangers: inside.filter(([id, entered, ran]) => id !== entered || id !== ran), count: inside.length };
});

sameAsNode('diagnostics channels', 'servers.cjs', ['diagnostics'], async (app) => {
  const client = await connect(app);
  await answer(client, GET('/one'));
  await answer(client, GET('/two'));
  const isFinish = (message: unknown): boolean => (message as { name: string }).name === 'http.server.response.finish';
  await until('both to be told of to the end', () => app.all('published').filter(isFinish).length === 2);
  return app.all('published');
});

sameAsApp('connections under keep-alive', 'connections', async (app) => {
  const first = await connect(app);
  const second = await connect(app);
  const counts: string[] = [];
  for (const client of [first, first, second, first]) {
    counts.push((await answer(client, GET('/'))).split('\r\n\r\n')[1]!);
  }
  first.socket.destroy();
  await app.told('closed');
  await answer(second, CLOSING);
  await app.told('closed', 1);
  return { counts, connections: app.all('connection'), closed: app.all('closed') };
});

for (const [name, requests] of [
  ['classes', [GET('/')]],
  ['options', [GET('/', 'Accept-Language: a\r\nAccept-Language: b\r\nX-A: 1\r\nX-A: 2\r\nAge: 1\r\nAge: 2\r\n')]],
  ['headers-count', [GET('/', 'A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n')]],
  ['no-host', ['GET / HTTP/1.1\r\n\r\n']],
  ['requests-per-socket', [GET('/1'), GET('/2')]],
  ['keep-alive-timeout', [GET('/')]],
  ['no-keep-alive', [GET('/'), GET('/')]],
] as const) {
  const isKnown = name === 'headers-count' && Number.parseInt(process.versions.node, 10) > 20;
  const options = isKnown ? { todo: 'newer releases of Node answer 431' } : {};
  const observe = async (app: TellingApp): Promise<unknown> => {
    const client = await connect(app);
    const seen: string[] = [];
    for (const request of requests) seen.push(await answer(client, request));
    return { seen, marks: name === 'options' ? await app.told('marks') : null };
  };
  sameAsApp(`server settings: ${name}`, name, observe, options);
}

sameAsApp('keepAliveTimeout ends an idle connection', 'keep-alive-timeout', async (app) => {
  const client = await connect(app);
  await answer(client, GET('/'));
  await sleep(100);
  await answer(client, GET('/'));
  return rest(client);
});

sameAsApp('a head beyond maxHeaderSize', 'small-heads', async (app) => {
  const client = await connect(app);
  client.write(GET('/', `A: ${'x'.repeat(400)}\r\n`));
  return (await client.response()).status;
});

for (const name of ['server-timeout-unheard', 'request-timeout', 'response-timeout', 'response-timeout-unheard']) {
  sameAsApp(`time-outs of a silent response: ${name}`, name, async (app) => {
    const client = await connect(app);
    client.write(GET('/', 'Connection: close\r\n'));
    const seen = await rest(client);
    return { seen, order: await app.told('order'), timeouts: app.all('timeout') };
  });
}

sameAsApp('server.setTimeout with a listener', 'server-timeout', async (app) => {
  const client = await connect(app);
  client.write(GET('/'));
  await app.told('timeout');
  client.socket.destroy();
  return app.told('order');
});

/** Told of with the silence before it, in ms. It is longer than that where the machine stood still, and no fault then. */
const isEarly = (silentMs: unknown): boolean => Number(silentMs) < 150;

sameAsApp('a slow upload does not time out while it moves', 'upload-timeout', async (app) => {
  const client = await connect(app);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n');
  for (let i = 0; i < 8; i++) {
    await sleep(60);
    client.write('x');
  }
  return { body: String((await client.response()).body), early: app.all('timeout').filter(isEarly) };
});

sameAsApp('a response that is written to does not time out', 'busy-timeout', async (app) => {
  const client = await connect(app);
  const seen = await answer(client, GET('/'));
  return { seen, early: app.all('timeout').filter(isEarly) };
});

sameAsApp('back-pressure of a reader that waits', 'backpressure', async (app) => {
  const client = await connect(app);
  client.socket.pause();
  client.write(GET('/'));
  const refused = await app.told('refused');
  client.socket.resume();
  const { length } = (await client.response()).body;
  const poured = await app.told('poured');
  return { refused, poured, length, next: await answer(client, GET('/next')) };
});

for (const name of ['unread', 'pause-resume']) {
  sameAsApp(`an upload of 4 MiB to an app that takes its time: ${name}`, name, async (app) => {
    const client = await connect(app);
    const body = Buffer.alloc(4 * 1024 * 1024, 'y');
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    client.write(body);
    return String((await client.response()).body);
  });
}

sameAsApp('server.close()', 'close', async (app) => {
  const idle = await connect(app);
  const seen = [await answer(idle, GET('/'))];
  const client = await connect(app);
  seen.push(await answer(client, GET('/close', 'Connection: close\r\n')));
  const ends = [await rest(idle), await rest(client)];
  const closed = await app.told('closed');
  return { seen, ends, closed, state: app.all('state'), event: app.all('event'), refused: await isRefused(app) };
});

sameAsApp('server.closeAllConnections()', 'close-all', async (app) => {
  const holding = await connect(app);
  holding.write(GET('/hold'));
  await app.told('begun');
  const client = await connect(app);
  client.write(GET('/close'));
  const ends = [await rest(holding), await rest(client)];
  return { ends, orders: [await app.told('/hold'), await app.told('/close')], closed: await app.told('closed') };
});

sameAsApp('server.closeIdleConnections()', 'close-idle', async (app) => {
  const holding = await connect(app);
  holding.write(GET('/hold', 'Connection: close\r\n'));
  await app.told('begun');
  const client = await connect(app);
  const seen = await answer(client, GET('/close', 'Connection: close\r\n'));
  return { seen, ends: [await rest(client), await rest(holding)] };
});

sameAsApp('server.getConnections()', 'get-connections', async (app) => {
  const first = await connect(app);
  const seen = [await answer(first, GET('/'))];
  const second = await connect(app);
  seen.push(await answer(second, GET('/')));
  return seen;
});

const listening = async (): Promise<string[]> => ['listening', String(await freePort())];
sameAsNode('the order of listening and closing, and EADDRINUSE', 'servers.cjs', listening, async (app) => {
  const order = await app.told('order');
  return { order, seen: await answer(await connect(app), CLOSING) };
});

for (const [name, keys] of [
  ['hosts', ['first', 'second']],
  ['no-such-host', ['error']],
  ['promised', ['address']],
] as const) {
  sameAsApp(`listening: ${name}`, name, async (app) => {
    const seen = await answer(await connect(app), CLOSING);
    return { seen, told: await Promise.all(keys.map((key) => app.told(key))) };
  });
}

sameAsApp('servers on any port, after one of them was closed', 'any-ports', async (app) => {
  const ports = [await app.told('port'), await app.told('port', 1)];
  const clients = await Promise.all(ports.map((port) => RawClient.connect(app.test, `http://127.0.0.1:${port}`)));
  return { apart: app.all('apart'), seen: await Promise.all(clients.map((client) => answer(client, CLOSING))) };
});

sameAsNode('exceptions that the app survives', 'servers.cjs', ['survived-exceptions'], async (app) => {
  const thrown = await connect(app);
  thrown.write(GET('/throw'));
  const uncaught = await app.told('uncaught');
  const rejected = await connect(app);
  rejected.write(GET('/reject'));
  const unhandled = await app.told('unhandled');
  return { uncaught, unhandled, seen: await answer(await connect(app), CLOSING), bytes: thrown.bytes + rejected.bytes };
});

sameAsApp('expectations', 'server-events', async (app) => {
  const client = await connect(app);
  const refused = await answer(client, GET('/', 'Expect: a-pony\r\n'));
  client.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
  const interim = (await client.response()).head;
  const answered = await answer(client, 'body');
  return { refused, interim, answered, expectation: await app.told('expectation') };
});

const socketBytes = async (app: TellingApp): Promise<unknown> => {
  await answer(await connect(app), CLOSING);
  return app.told('bytes');
};
sameAsApp('bytesRead and bytesWritten of a socket', 'socket-bytes', socketBytes);
