import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { adminOf } from '../support/control.ts';
import { EvenerProcess } from '../support/evener-process.ts';

test('a target that is none is a bad request, and HEAD of a stream is answered and over', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--admin', '0']);
  await evener.url();
  const { hostname, port } = new URL(await adminOf(evener));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  context.after(() => agent.destroy());
  const ask = async (method: string, path: string): Promise<[number, string]> => {
    const request = http.request({ hostname, port, method, path, agent }).end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let text = '';
    for await (const piece of response) text += String(piece);
    return [response.statusCode!, text];
  };
  for (const path of ['//', 'http://[', '/\\/:x']) {
    const [status, text] = await ask('GET', path);
    assert.deepEqual(
      [status, (JSON.parse(text) as { error: { code: string } }).error.code],
      [400, 'BAD_REQUEST'],
      path,
    );
  }
  // More than there may be open at a time, all on one connection.
  for (let i = 0; i < 70; i++) {
    const path = ['/events', '/live', '/logs'][i % 3]!;
    assert.deepEqual(await ask('HEAD', path), [200, ''], path);
  }
});

test('a body deeper than the stack is a bad request', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--admin', '0']);
  await evener.url();
  const body = `{"workers":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${await adminOf(evener)}scale`, { method: 'POST', headers, body });
  assert.equal(answer.status, 400);
  assert.match(await answer.text(), /workers: expected .+, got (what cannot be written as JSON|\[{200}\.\.\.)/);
});

test('connections that ask for nothing keep nobody out', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--admin', '0']);
  await evener.url();
  const { hostname, port } = new URL(await adminOf(evener));
  const silent = Array.from({ length: 300 }, () => net.connect(Number(port), hostname).on('error', () => {}));
  context.after(() => {
    for (const socket of silent) socket.destroy();
  });
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  silent.at(-1)!.write('GET /he');
  const request = http.get({ hostname, port, path: '/healthz', agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  assert.equal(response.statusCode, 200);
  response.resume();
  silent.at(-1)!.write('althz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(String((await once(silent.at(-1)!, 'data'))[0]), /^HTTP\/1\.1 200 OK/);
});
