import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/until.ts';
import { type AppSide, attempt, type Behaviour, type ClientSide, get } from '../support/behaviour.ts';

type Note = (what: unknown) => void;

/** A net.Server, the events of its first socket in order, and what the client saw. */
function socket(
  name: string,
  serve: (socket: net.Socket, note: Note, server: net.Server) => void,
  meet: (client: ClientSide) => Promise<unknown>,
  options: net.ServerOpts = {},
  more: Partial<Behaviour> = {},
): Behaviour {
  return {
    name,
    serve: (app: AppSide) => {
      const server = net.createServer(options, (one) => {
        const order: unknown[] = [];
        const note = (what: unknown): void => void order.push(what);
        for (const event of ['end', 'finish', 'timeout', 'drain']) one.on(event, () => note(event));
        one.on('error', (error: NodeJS.ErrnoException) => note(`error ${error.code} ${error.syscall}`));
        one.on('close', (hadError) => {
          note(`close ${hadError}`);
          setTimeout(() => app.tell('order', order), 20);
        });
        serve(one, note, server);
      });
      app.listen(server);
    },
    meet: async (client) => {
      const seen = await meet(client);
      return { seen, order: await client.told('order') };
    },
    ...more,
  };
}

/** What comes until the server ends its side, after this was written; our side ends then, or first. */
const talk =
  (text: string, endsFirst = false) =>
  async (client: ClientSide): Promise<string> => {
    const one = await client.connect();
    one.write(text);
    if (endsFirst) one.end();
    const rest = await one.rest();
    one.end();
    return rest;
  };

const facts = (one: net.Socket): unknown => [
  one.readyState,
  one.connecting,
  one.pending,
  one.destroyed,
  one.readable,
  one.writable,
  one.readableFlowing,
  one.allowHalfOpen,
  one.bytesRead,
  one.bytesWritten,
  one.remoteAddress,
  one.remoteFamily,
  typeof one.remotePort,
  one.localAddress,
  Object.keys(one.address()),
  (one.address() as AddressInfo).family,
  one.constructor.name,
  one instanceof net.Socket,
  one.readableHighWaterMark === one.writableHighWaterMark,
  one.timeout ?? null,
];

export const BEHAVIOURS: readonly Behaviour[] = [
  socket('an echo', (one) => one.pipe(one), talk('hello', true)),
  socket(
    'the facts of a fresh socket',
    (one, note) => {
      note(facts(one));
      one.end('bye');
      one.resume();
    },
    talk(''),
  ),
  socket(
    'a server that speaks first',
    (one) => {
      one.write('welcome\n');
      one.once('data', (data) => one.end(`you said ${data}`));
    },
    async (client) => {
      const one = await client.connect();
      const seen = String(await one.read(8));
      one.write('x');
      return [seen, await one.rest(), one.end()];
    },
  ),
  socket(
    'bytesRead and bytesWritten',
    (one, note) => {
      one.on('data', () => one.end('answer'));
      one.on('close', () => note([one.bytesRead, one.bytesWritten]));
    },
    talk('twelve bytes'),
  ),
  socket(
    'the client ends first, allowHalfOpen',
    (one, note) => {
      one.resume();
      one.on('end', () => {
        note([one.readableEnded, one.writable, one.readyState]);
        setTimeout(() => one.end('late'), 50);
      });
    },
    talk('x', true),
    { allowHalfOpen: true },
  ),
  socket(
    'the client ends first, not half open',
    (one, note) => {
      one.resume();
      one.on('end', () => note([one.readableEnded, one.writableEnded, one.readyState]));
    },
    talk('x', true),
  ),
  socket(
    'the app ends first',
    (one, note) => {
      one.resume();
      one.end('bye', () => note(`ended ${one.readyState}`));
    },
    talk('x'),
  ),
  socket(
    'end() with text, encoding and callback',
    (one, note) => {
      one.resume();
      one.end('/w==', 'base64', () => note('callback'));
    },
    talk(''),
  ),
  socket(
    'a write after end()',
    (one, note) => {
      one.resume();
      one.end('x');
      note(one.write('y', (error) => note(`callback ${(error as NodeJS.ErrnoException)?.code}`)));
    },
    talk(''),
  ),
  socket(
    'callbacks of writes',
    (one, note) => {
      one.resume();
      one.write('a', () => note('a'));
      one.write('b', 'latin1', () => note('b'));
      one.end('c', () => note('c'));
    },
    talk(''),
  ),
  socket(
    'destroy() in the turn of several writes',
    (one) => {
      one.write('first\n');
      one.write(Buffer.from('second\n'));
      one.write('w\xe4re\n', 'latin1');
      one.write('x'.repeat(20_000));
      one.destroy();
    },
    talk(''),
  ),
  {
    name: 'destroy() behind a write while much is on its way to others',
    serve: (app) => {
      const others: net.Socket[] = [];
      const server = net.createServer((one) => {
        one.on('error', () => {});
        one.once('data', (data) => {
          if (String(data) === 'other') {
            others.push(one);
            app.tell('others', others.length);
            return;
          }
          for (const other of others) other.write(Buffer.alloc(60_000));
          one.write('bye');
          one.destroy();
        });
      });
      app.listen(server);
    },
    meet: async (client) => {
      for (let i = 0; i < 40; i++) {
        (await client.connect()).write('other');
        await client.told('others', i);
      }
      return talk('x')(client);
    },
  },
  socket(
    'writes of what is neither text nor bytes',
    (one, note) => {
      one.resume();
      for (const value of [null, undefined, 1, {}]) note(attempt(() => one.write(value as never)));
      one.end();
    },
    talk(''),
  ),
  socket(
    'cork() and uncork()',
    (one, note) => {
      one.resume();
      one.cork();
      one.write('a');
      one.write(Buffer.from('b'));
      note(one.writableLength);
      process.nextTick(() => {
        one.uncork();
        one.end('c');
      });
    },
    talk(''),
  ),
  socket(
    'setEncoding()',
    (one, note) => {
      one.setEncoding('hex');
      one.on('data', (data) => {
        note(data);
        one.end();
      });
    },
    talk('\xff\x00'),
  ),
  socket(
    'pauseOnConnect',
    (one, note) => {
      note([one.isPaused(), one.readableFlowing]);
      setTimeout(() => {
        note(one.bytesRead);
        one.on('data', (data) => one.end(`got ${data}`));
        one.resume();
      }, 80);
    },
    talk('early'),
    { pauseOnConnect: true },
  ),
  socket(
    'pause() and resume()',
    (one, note) => {
      let bytes = 0;
      one.on('data', (data) => {
        bytes += data.length;
        one.pause();
        setTimeout(() => one.resume(), 1);
        if (bytes === 300_000) {
          note(bytes);
          one.end('all');
        }
      });
    },
    talk('p'.repeat(300_000)),
  ),
  socket('destroy()', (one) => one.destroy(), talk('')),
  socket(
    'destroy() with an error',
    (one) => one.destroy(Object.assign(new Error('mine'), { code: 'EMINE' })),
    talk(''),
  ),
  socket(
    'destroy() after a write',
    (one) => {
      one.write('written', () => one.destroy());
    },
    talk(''),
  ),
  socket(
    'destroySoon()',
    (one) => {
      one.write('written');
      one.destroySoon();
    },
    talk(''),
  ),
  socket(
    'resetAndDestroy()',
    (one) => {
      // Not before the client knows that it is connected.
      one.once('data', () => one.resetAndDestroy());
    },
    async (client) => {
      const one = await client.connect();
      one.write('x');
      await one.ended();
      return one.error?.code;
    },
  ),
  socket(
    'a client that resets',
    (one) => {
      one.resume();
      one.write('x');
    },
    async (client) => {
      const one = await client.connect();
      await one.read(1);
      one.socket.resetAndDestroy();
    },
  ),
  socket(
    'a client that goes',
    (one) => {
      one.resume();
      one.write('x');
    },
    async (client) => {
      const one = await client.connect();
      await one.read(1);
      one.socket.destroy();
    },
  ),
  socket(
    'setTimeout() of a socket',
    (one, note) => {
      one.resume();
      note(
        one.setTimeout(60, () => {
          note(`silent ${one.timeout}`);
          one.destroy();
        }) === one,
      );
    },
    talk('x'),
  ),
  socket(
    'a time-out that is put off by what comes',
    (one) => {
      let heardAtMs = performance.now();
      // One that was not put off is over in the midst of the pieces, however slow the machine is.
      one.setTimeout(300, () => {
        one.setTimeout(0);
        one.end(performance.now() - heardAtMs > 250 ? 'silent' : 'too soon');
      });
      one.on('data', () => {
        heardAtMs = performance.now();
      });
    },
    async (client) => {
      const one = await client.connect();
      for (let i = 0; i < 6; i++) {
        one.write('x');
        await sleep(80);
      }
      const rest = await one.rest();
      one.end();
      return rest;
    },
  ),
  socket(
    'setNoDelay() and setKeepAlive()',
    (one, note) => {
      note([one.setNoDelay(true) === one, one.setKeepAlive(true, 1000) === one, one.setKeepAlive(false) === one]);
      note([one.ref() === one, one.unref() === one]);
      one.resume();
      one.end();
    },
    talk(''),
  ),
  socket('options noDelay and keepAlive', (one) => one.end('x').resume(), talk(''), {
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 1000,
  }),
  socket(
    'back-pressure',
    (one, note) => {
      const piece = Buffer.alloc(64 * 1024, 'b');
      let left = 200;
      let refusals = 0;
      const pour = (): void => {
        while (left-- > 0) {
          if (one.write(piece)) continue;
          refusals++;
          one.once('drain', pour);
          return;
        }
        note([refusals > 0, one.writableNeedDrain]);
        one.removeAllListeners('drain');
        one.end();
      };
      one.removeAllListeners('drain');
      one.resume();
      pour();
    },
    async (client) => {
      const one = await client.connect();
      one.socket.pause();
      await sleep(50);
      one.socket.resume();
      const { length } = await one.rest();
      one.end();
      return length;
    },
  ),
  socket(
    'pipeline() with itself',
    (one, note) => {
      pipeline(one, one, (error) => note(`pipeline ${error?.code}`));
    },
    talk('round', true),
    { allowHalfOpen: true },
  ),
  socket(
    'for await',
    (one, note) => {
      void (async () => {
        let text = '';
        for await (const piece of one) text += piece;
        note(text);
        one.end(text.toUpperCase());
      })();
    },
    talk('iterate', true),
    { allowHalfOpen: true },
  ),
  socket(
    'leaving for await',
    (one, note) => {
      void (async () => {
        for await (const _ of one) break;
        note(one.destroyed);
      })();
    },
    talk('x'),
  ),
  socket(
    "'readable' and read()",
    (one) => {
      one.on('readable', () => {
        const first = one.read(3);
        if (first !== null) one.end(`three ${first}`);
      });
    },
    talk('abcdef'),
  ),
  socket(
    'unshift()',
    (one) => {
      one.once('data', (data) => {
        one.unshift(Buffer.from('before '));
        one.once('data', (again) => one.end(`${data} ${again}`));
      });
    },
    talk('x'),
  ),
  socket(
    'async storage in events of a socket',
    (one, note) => {
      one.on('data', () => {
        note('data');
        setImmediate(() => one.end());
      });
    },
    talk('x'),
  ),
  socket(
    'whose the memory of what a socket reads is',
    (one, note) => {
      one.on('data', (data) => {
        note([data.length, data.buffer.byteLength, one.bytesRead]);
        one.end();
      });
    },
    talk('some bytes'),
  ),
  {
    name: 'an exception in a listener that the app survives',
    serve: (app) => {
      process.on('uncaughtException', (error) => app.tell('uncaught', error.message));
      app.listen(
        net.createServer((one) => {
          one.on('error', () => {});
          one.on('data', (data) => {
            if (String(data) === 'throw') throw new Error('thrown');
            one.end(`fine ${data}`);
          });
        }),
      );
    },
    meet: async (client) => {
      const one = await client.connect();
      one.write('throw');
      const told = await client.told('uncaught');
      one.write('again');
      return [told, await one.rest(), await talk('other')(client)];
    },
  },
  {
    name: 'maxConnections and drop of a net.Server',
    serve: (app) => {
      const server = net.createServer((one) => {
        one.on('error', () => {});
        one.write('in');
      });
      server.maxConnections = 1;
      server.on('drop', (data) =>
        app.tell('drop', [Object.keys(data ?? {}).sort(), data?.remoteAddress, data?.remoteFamily]),
      );
      app.listen(server);
    },
    meet: async (client) => {
      const first = await client.connect();
      await first.read(2);
      const second = await client.connect();
      const rest = await second.rest();
      first.socket.destroy();
      const dropped = await client.told('drop');
      for (;;) {
        const third = await client.connect();
        const told = await third.read(2).catch(() => null);
        if (told !== null) return [rest, dropped, String(told)];
      }
    },
  },
  {
    name: 'getConnections() and connection of a net.Server',
    serve: (app) => {
      const server = net.createServer((one) => {
        one.resume();
        server.getConnections((error, count) => one.write(`${error} ${count}\n`));
        one.on('close', () => server.getConnections((_error, count) => app.tell('left', count)));
      });
      app.listen(server);
    },
    meet: async (client) => {
      const one = await client.connect();
      const first = String(await one.read(7));
      const two = await client.connect();
      const second = String(await two.read(7));
      one.socket.destroy();
      const left = [await client.told('left')];
      two.socket.destroy();
      return [first, second, left, await client.told('left', 1)];
    },
  },
  {
    name: 'close() of a net.Server waits for its connections',
    serve: (app) => {
      const server = net.createServer((one) => {
        one.resume();
        one.write('x');
        app.tell('met', [server.listening]);
        server.close(() => app.tell('closed', server.listening));
        one.on('close', () => app.tell('gone', app.tell.length >= 0));
      });
      app.listen(server);
    },
    meet: async (client) => {
      const one = await client.connect();
      await one.read(1);
      const met = await client.told('met');
      const before = client.all('closed').length;
      const port = await client.port();
      // It is told of before it is done: one that is still in the queue then is reset.
      await until('a refusal', () => {
        return new Promise((resolve) => {
          const another = net.connect(port, '127.0.0.1', () => {
            another.destroy();
            resolve(false);
          });
          another.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
        });
      });
      one.end();
      return [met, before, await client.told('closed')];
    },
  },
  {
    name: 'a net.Server on a Unix socket',
    serve: (app) => {
      const path = join(app.folder, 'net.sock');
      const server = net.createServer((one) => {
        one.end(
          JSON.stringify([
            one.remoteAddress,
            one.remotePort,
            one.remoteFamily,
            one.localAddress,
            one.address(),
            server.address() === path,
          ]),
        );
        one.resume();
      });
      server.listen(path, () => app.tell('path', path));
    },
    meet: async (client) => {
      const one = net.connect(await client.told<string>('path'));
      client.test.after(() => one.destroy());
      let text = '';
      for await (const piece of one) text += piece;
      return JSON.parse(text);
    },
  },
  {
    name: 'events and errors of listen() of a net.Server',
    serve: (app) => {
      const first = net.createServer();
      const order: unknown[] = [];
      first.on('close', () => {
        order.push('close');
        app.tell('order', order);
      });
      first.listen(0, '127.0.0.1', () => {
        order.push('listening');
        const second = net.createServer();
        second.on('error', (error: NodeJS.ErrnoException) => {
          order.push([error.code, error.syscall, second.listening]);
          first.close(() => order.push('callback'));
        });
        second.listen((first.address() as AddressInfo).port, '127.0.0.1');
      });
    },
    meet: (client) => client.told('order'),
  },
  {
    name: 'an http.Server that is given sockets by a net.Server',
    serve: (app) => {
      const web = http.createServer((request, response) =>
        response.end(`${request.url} ${request.socket.remoteAddress}`),
      );
      app.listen(
        net.createServer((one) => {
          one.once('data', (head) => {
            one.pause();
            one.unshift(head);
            web.emit('connection', one);
            process.nextTick(() => one.resume());
          });
        }),
      );
    },
    meet: (client) => client.send(get('/peeked')),
  },
  {
    name: 'a net.Server that is a proxy to another server of the app',
    serve: (app) => {
      const inner = net.createServer((one) => one.on('data', (data) => one.end(`inner ${data}`)));
      inner.listen(0, '127.0.0.1', () => {
        const { port } = inner.address() as AddressInfo;
        app.listen(
          net.createServer((one) => {
            const other = net.connect(port, '127.0.0.1');
            one.pipe(other).pipe(one);
          }),
        );
      });
    },
    meet: (client) => talk('through')(client),
  },
  {
    name: 'two connections at the same time are apart',
    serve: (app) => {
      let count = 0;
      app.listen(
        net.createServer((one) => {
          const id = ++count;
          one.on('data', (data) => one.write(`${id}${data}`));
          one.on('end', () => one.end());
        }),
      );
    },
    meet: async (client) => {
      const one = await client.connect();
      one.write('a');
      const first = String(await one.read(2));
      const two = await client.connect();
      two.write('b');
      const second = String(await two.read(2));
      one.write('c');
      return [first, second, String(await one.read(2))];
    },
  },
  {
    name: "the 'net.server.socket' channel",
    serve: async (app) => {
      const { subscribe } = await import('node:diagnostics_channel');
      const server = net.createServer((one) => one.end());
      subscribe('net.server.socket', (message) => {
        const { socket: one } = message as { socket: net.Socket & { server: unknown } };
        if (one.server === server) app.tell('published', one instanceof net.Socket);
      });
      app.listen(server);
    },
    meet: async (client) => {
      await talk('')(client);
      return client.told('published');
    },
  },
  {
    name: 'unref() of a server and its sockets',
    serve: (app) => {
      const server = net.createServer((one) => {
        one.unref();
        setTimeout(() => one.end('still served'), 30);
      });
      server.unref();
      app.listen(server);
    },
    meet: (client) => talk('')(client),
  },
  {
    name: 'Symbol.asyncDispose of a net.Server',
    serve: (app) => {
      const server = net.createServer((one) => {
        one.end('x');
        one.resume();
        const disposed = (server as unknown as { [Symbol.asyncDispose](): Promise<void> })[Symbol.asyncDispose]();
        void disposed.then(() => app.tell('disposed', server.listening));
      });
      app.listen(server);
    },
    meet: async (client) => [await talk('')(client), await client.told('disposed')],
  },
  {
    name: 'highWaterMark of a net.Server',
    serve: (app) => {
      const server = net.createServer({ highWaterMark: 5 } as net.ServerOpts, (one) => {
        one.end(JSON.stringify([one.readableHighWaterMark, one.writableHighWaterMark]));
        one.resume();
      });
      app.listen(server);
    },
    meet: (client) => talk('')(client),
  },
  {
    name: 'a late listener of connection',
    serve: async (app) => {
      const server = net.createServer();
      app.listen(server);
      await once(server, 'listening');
      server.on('connection', (one) => one.end('late').resume());
    },
    meet: (client) => talk('')(client),
  },
];
