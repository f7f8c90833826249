import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';
import { type AppSide, attempt, type Behaviour, type ClientSide, get } from '../support/behaviour.ts';

const MAJOR = Number.parseInt(process.versions.node, 10);
/** Clients to whom so much is sent at once that the link has to wait for its other end. */
const OTHERS = 40;
const KEPT = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A server and what a client sees of it. */
function serving(
  name: string,
  serve: (app: AppSide) => void | Promise<void>,
  meet: (client: ClientSide) => Promise<unknown>,
  more: Partial<Behaviour> = {},
): Behaviour {
  return { name, serve, meet, ...more };
}

/** What the app alone finds out, told as `seen`. */
function alone(
  name: string,
  serve: (app: AppSide, see: (value: unknown) => void) => void | Promise<void>,
  more: Partial<Behaviour> = {},
): Behaviour {
  return {
    name,
    serve: (app) => serve(app, (value) => app.tell('seen', value)),
    meet: (client) => client.told('seen'),
    ...more,
  };
}

const fine: http.RequestListener = (_request, response) => void response.end('fine');
const plainError = (error: NodeJS.ErrnoException & { address?: string; port?: number }): unknown => [
  error.code,
  error.errno,
  error.syscall,
  error.port !== undefined,
  error.address?.replace(/.*\//, ''),
  error.message.replaceAll(/\d{4,5}|\/\S*\//g, '#'),
];

/** Whether nobody listens at a port any more. */
const isRefused = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket
      .on('connect', () => resolve('connected'))
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    socket.on('connect', () => socket.destroy());
  });

/** One answer on a connection that is kept. */
async function answer(client: RawClient, request: string = KEPT): Promise<string> {
  client.write(request);
  const { head, body } = await client.response();
  return `${head.replace(/^Date: .*\r$/gm, 'Date: now')}${body}`;
}

/** For what one of two does soon, and the other never. */
const soon = (condition: () => boolean): Promise<unknown> => until('it', condition, 2_000).catch(() => null);

type Leave = (socket: net.Socket) => unknown;
const ends: Leave = (socket) => socket.end();
const resets: Leave = (socket) => socket.resetAndDestroy();

/** When the connection idles, its request having been answered. */
const afterwards =
  (leave: Leave): Leave =>
  async (socket) => {
    await until('the answer', () => socket.bytesRead > 0);
    await sleep(50);
    leave(socket);
  };

const CUT = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc';

/** A client that leaves in the middle of its request: all that an app hears of it, in order. */
function leaving(
  name: string,
  leave: Leave,
  bytes: string,
  handle: (request: http.IncomingMessage, response: http.ServerResponse) => void = () => {},
  onClientError?: (error: NodeJS.ErrnoException, socket: net.Socket) => void,
): Behaviour {
  return serving(
    name,
    (app) => {
      const order: unknown[] = [];
      const note = (who: string, one: NodeJS.EventEmitter, events: readonly string[]): void => {
        for (const event of events) {
          one.on(event, (value?: Partial<NodeJS.ErrnoException> | boolean) =>
            order.push(`${who} ${event} ${typeof value === 'object' ? value.code : value}`),
          );
        }
      };
      const server = http.createServer((request, response) => {
        const { socket } = request;
        note('socket', socket, ['end', 'finish', 'timeout', 'error', 'close']);
        note('request', request, ['aborted', 'end', 'error', 'close']);
        note('response', response, ['finish', 'error', 'close']);
        const begin = (): void => app.tell('begun');
        if (request.method === 'GET') begin();
        request.once('data', begin);
        request.on('close', () => order.push(['at the end', request.complete, request.aborted, request.destroyed]));
        socket.on('close', () =>
          setTimeout(() => {
            order.push([socket.destroyed, socket.readableEnded, socket.errored?.message ?? null]);
            server.getConnections((_error, open) => app.tell('order', [...order, open]));
          }, 50),
        );
        handle(request, response);
      });
      if (onClientError !== undefined) {
        server.on('clientError', (error: NodeJS.ErrnoException, socket: net.Socket) => {
          order.push(['clientError', error.message, { ...error }, socket.writable, socket.destroyed]);
          onClientError(error, socket);
        });
      }
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      one.write(bytes);
      await client.told('begun');
      await leave(one.socket);
      return client.told('order');
    },
  );
}

/** In the order in which an app would print them. */
function namesIn(socket: net.Socket): string {
  return Object.keys(socket.address()).join();
}

export const BEHAVIOURS: readonly Behaviour[] = [
  alone(
    'the handles of the process',
    (_app, see) => {
      const server = http.createServer(fine).listen(0, () => {
        const { _getActiveHandles } = process as unknown as { _getActiveHandles(): unknown[] };
        see(_getActiveHandles().includes(server));
      });
    },
    { difference: 'what keeps the process alive' },
  ),
  leaving('a client that ends within its body', ends, CUT),
  leaving('a client that resets within its body', resets, CUT),
  leaving(
    'a client that ends within a chunk',
    ends,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
  ),
  leaving('a client that resets before its answer', resets, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
  ...[ends, resets].flatMap((leave) => [
    leaving(`a client that ${leave.name} an idle connection`, afterwards(leave), KEPT, fine),
    leaving(
      `a client that ${leave.name} an idle connection, and 'clientError'`,
      afterwards(leave),
      KEPT,
      fine,
      (_error, one) => one.destroy(),
    ),
  ]),
  leaving('a client that ends within a body that was answered', ends, CUT, (_request, response) => response.end('x')),
  leaving('a client that resets within a body that was answered', resets, CUT, (_request, response) =>
    response.end('x'),
  ),
  leaving('a client that ends within its body, while its answer is written', ends, CUT, (_request, response) =>
    response.write('x'),
  ),
  leaving('a client that resets within its body, while its answer is written', resets, CUT, (_request, response) =>
    response.write('x'),
  ),
  leaving(
    "a client that ends within its body, and 'clientError' that destroys",
    ends,
    CUT,
    undefined,
    (error, socket) => socket.destroy(error),
  ),
  leaving(
    "a client that resets within its body, and 'clientError' that destroys",
    resets,
    CUT,
    undefined,
    (_error, one) => one.destroy(),
  ),
  leaving(
    "a client that ends within its body, and 'clientError' that answers",
    ends,
    CUT,
    undefined,
    (_error, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  ),
  leaving(
    "a client that resets within its body, and 'clientError' that answers",
    resets,
    CUT,
    undefined,
    (_error, one) => {
      if (one.writable) one.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    },
  ),
  serving(
    'the answer to a client that ends within its body',
    (app) => void app.listen(http.createServer(() => {})),
    async (client) => {
      const one = await client.connect(0, true);
      one.write(CUT);
      one.end();
      return one.rest();
    },
    { difference: 'what a client gets that ends within its body' },
  ),
  leaving('a client that ends within a body that the app has destroyed', ends, CUT, (request) =>
    request.once('data', () => request.destroy()),
  ),
  leaving(
    'a client that resets within a body that the app has destroyed',
    resets,
    CUT,
    (request) => request.once('data', () => request.socket.destroy()),
    () => {},
  ),

  alone('listening, address() and events around listen()', (_app, see) => {
    const server = http.createServer(fine);
    const order: unknown[] = [server.listening, server.address()];
    server.on('listening', () => order.push('listening', server.listening));
    server.listen(0, '127.0.0.1', () => {
      const { address, family, port } = server.address() as AddressInfo;
      order.push('callback', address, family, port > 0);
      server.close((error) => {
        order.push('closed', error ?? null, server.listening, server.address());
        setTimeout(() => see(order), 20);
      });
      order.push(server.listening, server.address());
    });
    server.on('close', () => order.push('close'));
  }),
  alone(
    'address() right after listen()',
    (_app, see) => {
      const server = http.createServer(fine).listen(0);
      see([server.listening, (server.address() as AddressInfo).port > 0]);
    },
    { difference: 'address() before listening', isSameInLoopback: true },
  ),
  alone('listen() on what cannot be had', (_app, see) => {
    const server = http.createServer(fine);
    const port = (value: unknown): unknown => attempt(() => server.listen(value as number));
    see([port(-1), port(65536), port(1.5), port({}), port({ port: 'x' }), port({ path: 5 }), port(true)]);
  }),
  alone('listen() twice', (_app, see) => {
    const server = http.createServer(fine).listen(0);
    see([attempt(() => server.listen(0))]);
  }),
  alone('listen() again after close()', (_app, see) => {
    const server = http.createServer(fine).listen(0, '127.0.0.1', () => {
      server.close(() => {
        server.listen(0, '127.0.0.1', () => see([server.listening, (server.address() as AddressInfo).address]));
      });
    });
  }),
  alone('close() before listen(), and twice', (_app, see) => {
    const server = http.createServer(fine);
    const order: unknown[] = [];
    server.close((error) => {
      order.push((error as NodeJS.ErrnoException).code);
      server.listen(0, () => {
        server.close((second) => order.push(second ?? null));
        server.close((third) => {
          order.push((third as NodeJS.ErrnoException).code);
          setTimeout(() => see(order), 20);
        });
      });
    });
  }),
  alone('close() at once after listen()', (_app, see) => {
    const server = http.createServer(fine);
    const order: string[] = [];
    for (const event of ['listening', 'close', 'error']) server.on(event, () => order.push(event));
    server.listen(0);
    server.close((error) => {
      order.push(`callback ${(error as NodeJS.ErrnoException | undefined)?.code}`);
      setTimeout(() => see(order), 200);
    });
  }),
  alone('an address that is in use by the same app', (_app, see) => {
    const first = http.createServer(fine).listen(0, '127.0.0.1', () => {
      const second = http.createServer(fine);
      second.on('error', (error) => see([plainError(error), second.listening, second.address()]));
      second.listen((first.address() as AddressInfo).port, '127.0.0.1');
    });
  }),
  alone('an address that is not this machine’s', (_app, see) => {
    http
      .createServer(fine)
      .on('error', (error) => see(plainError(error)))
      .listen(0, '192.0.2.1');
  }),
  alone('a host that does not exist', (_app, see) => {
    http
      .createServer(fine)
      .on('error', (error: NodeJS.ErrnoException) => see([error.code, error.syscall]))
      .listen(0, 'no-such-host.invalid');
  }),
  alone('forms of listen()', async (_app, see) => {
    const seen: unknown[] = [];
    const forms: ((server: http.Server) => void)[] = [
      (server) => server.listen(),
      (server) => server.listen({ port: 0 }),
      (server) => server.listen({ port: 0, host: 'localhost' }),
      (server) => server.listen({ port: 0, host: '::1', ipv6Only: true }),
      (server) => server.listen('0', '127.0.0.1' as never),
      (server) => server.listen(0, '127.0.0.1', 10),
      (server) => server.listen(0, undefined as never),
      (server) => server.listen(undefined as never),
      (server) => server.listen({ port: 0, exclusive: true, host: '127.0.0.1' }),
      (server) => server.listen({ port: 0, exclusive: false, backlog: 5 }),
    ];
    for (const form of forms) {
      const server = http.createServer(fine);
      form(server);
      await once(server, 'listening');
      const { address, family } = server.address() as AddressInfo;
      seen.push([address, family]);
      server.close();
    }
    see(seen);
  }),
  alone('listen() with a signal', async (_app, see) => {
    const controller = new AbortController();
    const server = http.createServer(fine).listen({ port: 0, signal: controller.signal });
    await once(server, 'listening');
    controller.abort();
    await once(server, 'close');
    see([server.listening]);
  }),
  serving(
    'an exclusive listen',
    (app) => {
      const server = http.createServer(fine);
      const tell = (): void => app.tell('port', (server.address() as AddressInfo).port);
      server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, tell);
    },
    (client) => client.send(get('/')),
  ),
  serving(
    'several servers on several ports',
    (app) => {
      for (const name of ['one', 'two', 'three'])
        app.listen(http.createServer((_request, response) => response.end(name)));
    },
    async (client) =>
      [await client.send(get('/'), 0), await client.send(get('/'), 1), await client.send(get('/'), 2)].sort(),
  ),
  serving(
    'a Unix socket',
    (app) => {
      const path = join(app.folder, 'http.sock');
      const server = http.createServer((request, response) => {
        const { remoteAddress, remotePort, remoteFamily, localAddress } = request.socket;
        response.end(JSON.stringify([remoteAddress, remotePort, remoteFamily, localAddress, request.socket.address()]));
      });
      server.listen(path, () => app.tell('path', [path, server.address() === path]));
    },
    async (client) => {
      const [path, isPath] = await client.told<[string, boolean]>('path');
      const socket = net.connect(path);
      client.test.after(() => socket.destroy());
      socket.write(get('/'));
      let answer = '';
      for await (const piece of socket) answer += String(piece);
      return [answer.replace(/^Date: .*\r$/gm, 'Date: now'), isPath];
    },
  ),
  alone('a Unix socket for everybody, and its end', (app, see) => {
    const path = join(app.folder, 'all.sock');
    const server = http.createServer(fine).listen({ path, readableAll: true, writableAll: true }, () => {
      const mode = fs.statSync(path).mode & 0o777;
      server.close(async () => {
        await soon(() => !fs.existsSync(path));
        see([mode.toString(8), fs.existsSync(path)]);
      });
    });
  }),
  alone('a Unix socket that is in use, and one that cannot be', (app, see) => {
    const path = join(app.folder, 'used.sock');
    const codes: unknown[] = [];
    http.createServer(fine).listen(path, () => {
      http
        .createServer(fine)
        .on('error', (error) => {
          codes.push(plainError(error));
          http
            .createServer(fine)
            .on('error', (error) => see([...codes, plainError(error)]))
            .listen(join(app.folder, 'no-such-folder', 'x.sock'));
        })
        .listen(path);
    });
  }),
  serving(
    'an IPv6 client of an IPv4 and IPv6 server',
    (app) => {
      const server = http.createServer((request, response) =>
        response.end(`${request.socket.remoteAddress} ${request.socket.remoteFamily} ${namesIn(request.socket)}`),
      );
      server.listen(0, () => app.tell('port', (server.address() as AddressInfo).port));
    },
    async (client) => {
      const seen = [await client.send(get('/'))];
      const socket = net.connect(await client.port(), '::1');
      client.test.after(() => socket.destroy());
      socket.write(get('/'));
      let answer = '';
      for await (const piece of socket) answer += String(piece);
      return [...seen, answer.split('\r\n\r\n')[1]];
    },
  ),
  serving(
    'getConnections()',
    (app) => {
      const server = http.createServer((_request, response) => {
        server.getConnections((error, count) => response.end(`${error} ${count}`));
      });
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      const first = await answer(one);
      return [first, await answer(await client.connect()), await answer(one)];
    },
  ),
  serving(
    'maxConnections and drop',
    (app) => {
      const server = http.createServer(fine);
      server.maxConnections = 1;
      server.on('drop', (data) => app.tell('drop', [Object.keys(data ?? {}).sort(), data?.remoteAddress]));
      app.listen(server);
    },
    async (client) => {
      const seen = await answer(await client.connect());
      const dropped = await client.connect();
      dropped.write(KEPT);
      const rest = await dropped.rest();
      await soon(() => client.all('drop').length > 0);
      return [seen, rest, client.all('drop')];
    },
    { difference: "'drop' of an http.Server" },
  ),
  serving(
    'maxRequestsPerSocket',
    (app) => {
      const server = http.createServer(fine);
      server.maxRequestsPerSocket = 2;
      server.on('dropRequest', (request) => app.tell('dropped', request.url));
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      return [await answer(one), await answer(one), await one.rest()];
    },
  ),
  serving(
    'requireHostHeader',
    (app) => {
      app.listen(http.createServer({ requireHostHeader: false }, fine));
    },
    (client) => client.send('GET / HTTP/1.1\r\nConnection: close\r\n\r\n'),
  ),
  serving(
    'a request without Host',
    (app) => void app.listen(http.createServer(fine)),
    (client) => client.send('GET / HTTP/1.1\r\nConnection: close\r\n\r\n'),
    {
      difference: 'the words of a refusal',
    },
  ),
  serving(
    'two Host fields',
    (app) => void app.listen(http.createServer(fine)),
    (client) => client.send(get('/', 'Host: b\r\n')),
    {
      difference: 'requests that RFC 9112 wants refused',
    },
  ),
  serving(
    'nonsense instead of a request',
    (app) => void app.listen(http.createServer(fine)),
    (client) => client.send('nonsense\r\n\r\n'),
    {
      difference: 'the words of a refusal',
    },
  ),
  serving(
    'an app that answers nonsense itself',
    (app) => {
      const server = http.createServer(fine);
      server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
        app.tell('error', [error.code, error instanceof Error, socket.writable]);
        (socket as net.Socket).end('HTTP/1.1 400 Mine\r\nConnection: close\r\n\r\n');
      });
      app.listen(server);
    },
    async (client) => [
      await client.send('GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n'),
      await client.told('error'),
    ],
  ),
  ...(
    [
      ['a bad chunk', ['5\r\nhello\r\nzz\r\n']],
      ['a bad chunk in a later piece', ['5\r\nhello\r\n', 'zz\r\n']],
    ] as const
  ).map(([what, pieces]) =>
    serving(
      `an app that answers ${what} itself`,
      (app) => {
        const seen: unknown[] = [];
        const server = http.createServer((request) => {
          request.on('data', (bytes) => app.tell('data', String(bytes)));
          request.on('aborted', () => seen.push('aborted'));
          request.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code));
          request.on('close', () => app.tell('seen', seen));
        });
        server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
          seen.push(['clientError', error.code, error instanceof Error, socket.writable]);
          (socket as net.Socket).end('HTTP/1.1 400 Mine\r\nConnection: close\r\n\r\n');
        });
        app.listen(server);
      },
      async (client) => {
        const one = await client.connect();
        one.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${pieces[0]}`);
        const data = await client.told('data');
        if (pieces.length > 1) one.write(pieces[1]!);
        return [data, String(await one.rest()), await client.told('seen')];
      },
    ),
  ),
  serving(
    'checkContinue and checkExpectation',
    (app) => {
      const server = http.createServer(fine);
      server.on('checkContinue', (_request, response) => response.writeHead(413, { Connection: 'close' }).end('no'));
      server.on('checkExpectation', (request, response) => response.end(`expected ${request.headers.expect}`));
      app.listen(server);
    },
    async (client) => [
      await client.send(get('/', 'Expect: 100-continue\r\nContent-Length: 4\r\n').replace('GET', 'POST')),
      await client.send(get('/', 'Expect: a lot\r\n')),
    ],
  ),
  serving(
    'keepAliveTimeout',
    (app) => {
      const server = http.createServer(fine);
      server.keepAliveTimeout = 200;
      (server as { keepAliveTimeoutBuffer?: number }).keepAliveTimeoutBuffer = 0;
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      const seen = await answer(one);
      return [seen, await one.rest()];
    },
  ),
  serving(
    'headersTimeout',
    (app) => {
      const server = http.createServer(
        { connectionsCheckingInterval: 100, headersTimeout: 300, requestTimeout: 10_000 },
        fine,
      );
      server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
        app.tell('error', error.code);
        (socket as net.Socket).destroy();
      });
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      one.write('GET / HTTP/1.1\r\n');
      return [await one.rest(), await client.told('error')];
    },
  ),
  serving(
    'server.timeout of a silent connection',
    (app) => {
      const server = http.createServer(() => {});
      server.timeout = 200;
      server.on('timeout', (socket) => {
        app.tell('timeout', socket.destroyed);
        socket.destroy();
      });
      app.listen(server);
    },
    async (client) => [await client.send(get('/')), await client.told('timeout')],
  ),
  serving(
    'close() with a request in progress',
    (app) => {
      const order: string[] = [];
      const server = http.createServer((_request, response) => {
        server.close(() => {
          order.push('closed');
          app.tell('order', order);
        });
        order.push(`listening ${server.listening}`);
        setTimeout(() => response.end('late'), 100);
      });
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      const seen = await answer(one);
      const rest = await one.rest();
      return [seen, rest, await client.told('order'), await isRefused(await client.port())];
    },
    { difference: 'a response while its server closes' },
  ),
  serving(
    'close() with an idle connection',
    (app) => {
      const server = http.createServer(fine);
      app.listen(server);
      server.on('close', () => app.tell('closed'));
      server.on('request', (request) => {
        if (request.url === '/close') setTimeout(() => server.close(), 50);
      });
    },
    async (client) => {
      const one = await client.connect();
      const seen = [await answer(one)];
      const other = await client.connect();
      seen.push(await answer(other, KEPT.replace('/ ', '/close ')));
      return [seen, await one.rest(), await other.rest(), await client.told('closed')];
    },
  ),
  serving(
    'close() with a connection that has brought nothing',
    (app) => {
      const server = http.createServer(fine);
      app.listen(server);
      server.once('request', () => server.close(() => app.tell('closed', 'closed')));
    },
    async (client) => {
      const silent = await client.connect();
      await client.send(get('/'));
      await soon(() => client.all('closed').length > 0);
      const before = client.all('closed');
      silent.socket.destroy();
      return [before, await client.told('closed')];
    },
    // From Node 26 on it closes them, too.
    MAJOR < 26 ? { difference: 'connections that have brought nothing' } : {},
  ),
  serving(
    'closeAllConnections()',
    (app) => {
      const server = http.createServer((request, response) => {
        if (request.url === '/') {
          app.tell('held');
          return;
        }
        server.closeAllConnections();
        response.end('never seen');
      });
      app.listen(server);
    },
    async (client) => {
      const holding = await client.connect();
      holding.write(KEPT);
      await client.told('held');
      return [await client.send(get('/close')), await holding.rest()];
    },
  ),
  serving(
    'closeIdleConnections()',
    (app) => {
      const server = http.createServer((request, response) => {
        response.end('fine', () => {
          if (request.url === '/sweep') setTimeout(() => server.closeIdleConnections(), 50);
        });
      });
      server.keepAliveTimeout = 20_000;
      app.listen(server);
    },
    async (client) => {
      const idle = await client.connect();
      const seen = [await answer(idle)];
      const other = await client.connect();
      seen.push(await answer(other, KEPT.replace('/ ', '/sweep ')));
      return [seen, await idle.rest(), await other.rest()];
    },
  ),
  serving(
    'an idle connection that the app destroys',
    (app) => {
      const server = http.createServer((request, response) => {
        response.end('fine', () => setTimeout(() => request.socket.destroy(), 50));
      });
      server.keepAliveTimeout = 20_000;
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      return [await answer(one), await one.rest()];
    },
  ),
  serving(
    'Symbol.asyncDispose',
    (app) => {
      const server = http.createServer((_request, response) => {
        response.end('last');
        void (server as unknown as { [Symbol.asyncDispose](): Promise<void> })[Symbol.asyncDispose]().then(
          () => app.tell('disposed', server.listening),
          (error) => app.tell('disposed', error.code),
        );
      });
      app.listen(server);
    },
    async (client) => [await client.send(get('/')), await client.told('disposed')],
  ),
  alone('Symbol.asyncDispose of a server that does not listen', (_app, see) => {
    const dispose = (http.createServer(fine) as unknown as { [Symbol.asyncDispose](): Promise<void> })[
      Symbol.asyncDispose
    ];
    void dispose.call(http.createServer(fine)).then(
      () => see('fine'),
      (error) => see(error.code),
    );
  }),
  serving(
    "'connection' and the end of its socket",
    (app) => {
      const server = http.createServer(fine);
      server.on('connection', (socket) => {
        app.tell('connection', [socket.readyState, socket.remoteFamily, socket.constructor.name === 'Socket']);
        socket.on('close', (hadError: boolean) => app.tell('closed', hadError));
      });
      app.listen(server);
    },
    async (client) => [
      await client.send(get('/')),
      (await client.told<unknown[]>('connection')).slice(0, 2),
      await client.told('closed'),
    ],
  ),
  serving(
    "the 'net.server.socket' channel of an http.Server",
    (app) => {
      const server = http.createServer(fine);
      subscribe('net.server.socket', (message) => {
        const { socket } = message as { socket: net.Socket & { server: unknown } };
        if (socket.server === server) app.tell('published', socket instanceof net.Socket);
      });
      app.listen(server);
    },
    async (client) => [await client.send(get('/')), await client.told('published')],
  ),
  serving(
    'a connection that the app will not have',
    (app) => {
      const server = http.createServer(fine);
      server.on('connection', (socket) => socket.destroy());
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      one.write(KEPT);
      return one.rest();
    },
  ),
  serving(
    'ref() and unref()',
    (app) => {
      const server = http.createServer(fine);
      app.tell('chain', [server.ref() === server, server.unref() === server]);
      app.listen(server);
      app.tell('chain', [server.unref() === server, server.ref() === server]);
    },
    async (client) => [await client.told('chain'), await client.told('chain', 1), await client.send(get('/'))],
  ),
  serving(
    'setTimeout() of a server, chained',
    (app) => {
      const server = http.createServer(fine);
      app.tell('seen', [
        server.setTimeout(1000) === server,
        server.timeout,
        server.keepAliveTimeout,
        server.headersTimeout,
        server.requestTimeout,
        server.maxHeadersCount,
        server.maxRequestsPerSocket,
      ]);
      app.listen(server);
    },
    async (client) => [await client.told('seen'), await client.send(get('/'))],
  ),
  serving(
    "'upgrade'",
    (app) => {
      const server = http.createServer(fine);
      server.on('upgrade', (request, socket, head) => {
        app.tell('upgrade', [request.headers.upgrade, String(head), (socket as net.Socket).readyState]);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
        socket.on('data', (piece: Buffer) => socket.write(`echo ${piece}`));
        socket.on('end', () => socket.end('bye'));
        socket.on('close', (hadError: boolean) => app.tell('closed', hadError));
      });
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      one.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      const { head } = await one.response();
      one.write('hello');
      const seen = [head, String(await one.read(10))];
      one.end();
      return [...seen, await one.rest(), await client.told('upgrade'), await client.told('closed')];
    },
  ),
  serving(
    'a request for an upgrade that nobody listens for, answered at once as the last',
    (app) => {
      const server = http.createServer((request, response) => {
        const ends: unknown[] = [];
        for (const event of ['end', 'aborted', 'error'] as const) request.on(event, () => ends.push(event));
        request.on('close', () => app.tell('over', [...ends, request.complete]));
        request.resume();
        response.end('x');
      });
      app.listen(server);
    },
    async (client) => {
      const seen = [];
      for (const fields of ['Connection: Upgrade, close', 'Connection: Upgrade, close\r\nContent-Length: 0']) {
        const one = await client.connect();
        one.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\nUpgrade: h2c\r\n\r\n`);
        seen.push((await one.response()).status, await client.told('over'));
      }
      return seen;
    },
  ),
  serving(
    "'upgrade' read after both sides have ended",
    (app) => {
      const server = http.createServer(fine);
      server.on('upgrade', (_request, socket, head) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
        socket.end('bye');
        let bytes = head.length;
        socket.on('data', (piece: Buffer) => {
          bytes += piece.length;
          socket.pause();
          setTimeout(() => socket.resume(), 20);
        });
        socket.on('end', () => app.tell('end', bytes));
        socket.on('close', (hadError: boolean) => app.tell('closed', [bytes, hadError]));
      });
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect(0, true);
      one.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      const { head } = await one.response();
      const rest = await one.rest();
      for (let i = 0; i < 40; i++) {
        one.write('x'.repeat(1000));
        await sleep(2);
      }
      one.end();
      return [head, rest, await client.told('end'), await client.told('closed')];
    },
  ),
  serving(
    "'upgrade' that the client resets",
    (app) => {
      const server = http.createServer(fine);
      server.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
        socket.on('data', (piece: Buffer) => app.tell('data', String(piece)));
        socket.on('end', () => app.tell('closed', 'end'));
        socket.on('error', (error: NodeJS.ErrnoException) => app.tell('error', error.code));
        socket.on('close', (hadError: boolean) => app.tell('closed', hadError));
      });
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      one.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      await one.response();
      one.write('hello');
      const seen = await client.told('data');
      one.socket.resetAndDestroy();
      return [seen, await client.told('error'), await client.told('closed')];
    },
  ),
  serving(
    'the async context in which a server listens is not that of what its clients do',
    (app) => {
      const storage = new AsyncLocalStorage<string>();
      const server = http.createServer((_request, response) => response.end(String(storage.getStore())));
      server.on('upgrade', (_request, socket) => {
        const tell = (what: string): void => app.tell(what, storage.getStore() ?? null);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
        socket.on('data', () => tell('data'));
        socket.on('end', () => socket.end());
        socket.on('close', () => tell('closed'));
      });
      storage.run('listening', () => app.listen(server));
    },
    async (client) => {
      const one = await client.connect();
      one.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      await one.response();
      one.write('hello');
      const seen = [await client.told('data')];
      one.end();
      return [...seen, await client.told('closed'), await client.send(get('/'))];
    },
  ),
  serving(
    'the async context in which an app destroys a connection is not that of its end',
    (app) => {
      const storage = new AsyncLocalStorage<string>();
      const server = http.createServer((request, response) =>
        storage.run('request', () => response.end('x', () => request.socket.destroy())),
      );
      server.on('connection', (socket) => socket.on('close', () => app.tell('closed', storage.getStore() ?? null)));
      app.listen(server);
    },
    async (client) => [await client.send(get('/')), await client.told('closed')],
  ),
  serving(
    "'upgrade' that the app destroys",
    (app) => {
      const server = http.createServer(fine);
      server.on('upgrade', (_request, socket) => socket.destroy());
      app.listen(server);
    },
    (client) => client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  ),
  serving(
    "'upgrade' that the app refuses in several writes before it destroys",
    (app) => {
      const server = http.createServer(fine);
      server.on('upgrade', (_request, socket) => {
        socket.write('HTTP/1.1 401 Unauthorized\r\n');
        socket.write(Buffer.from('Content-Length: 3\r\n\r\n'));
        socket.write('no\n');
        socket.destroy();
      });
      app.listen(server);
    },
    (client) => client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  ),
  serving(
    "'upgrade' that the app refuses and destroys while much is on its way to others",
    (app) => {
      const held: http.ServerResponse[] = [];
      const server = http.createServer((_request, response) => {
        held.push(response);
        if (held.length === OTHERS) app.tell('held');
      });
      server.on('upgrade', (_request, socket) => {
        for (const response of held) response.write(Buffer.alloc(60_000));
        socket.write('HTTP/1.1 401 Unauthorized\r\n\r\n');
        socket.destroy();
      });
      app.listen(server);
    },
    async (client) => {
      for (let i = 0; i < OTHERS; i++) (await client.connect()).write(KEPT);
      await client.told('held');
      return client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    },
  ),
  serving(
    "'connect'",
    (app) => {
      const server = http.createServer(fine);
      server.on('connect', (request, socket, head) => {
        app.tell('connect', [request.url, request.method, String(head)]);
        socket.write('HTTP/1.1 200 Connected\r\n\r\n');
        socket.pipe(socket);
      });
      app.listen(server);
    },
    async (client) => {
      const one = await client.connect();
      one.write('CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n');
      const { head } = await one.response('CONNECT');
      one.write('through');
      const seen = String(await one.read(7));
      one.end();
      return [head, seen, await one.rest(), await client.told('connect')];
    },
  ),
  serving(
    'a connection that the app gives to an http.Server itself',
    (app) => {
      const inner = http.createServer((request, response) => response.end(`inner ${request.url}`));
      app.listen(net.createServer((socket) => inner.emit('connection', socket)));
    },
    (client) => client.send(get('/x')),
  ),
  serving(
    'pipelined requests',
    (app) => {
      app.listen(
        http.createServer((request, response) =>
          setTimeout(() => response.end(request.url), request.url === '/1' ? 60 : 0),
        ),
      );
    },
    (client) => client.send(`${KEPT.replace('/ ', '/1 ')}${KEPT.replace('/ ', '/2 ')}${get('/3')}`),
  ),
  serving(
    'HTTP/1.0 with keep-alive',
    (app) => {
      app.listen(http.createServer((_request, response) => response.setHeader('Content-Length', 4).end('fine')));
    },
    async (client) => {
      const one = await client.connect();
      const request = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
      const seen = [await answer(one, request), await answer(one, request)];
      one.write('GET / HTTP/1.0\r\n\r\n');
      return [...seen, (await one.rest()).replace(/^Date: .*\r$/gm, 'Date: now')];
    },
  ),
  serving(
    'a client that ends its side after the request',
    (app) => {
      // Long after Node has seen that the client has ended, and long before we take the stream for one that rests.
      app.listen(
        http.createServer((_request, response) => {
          response.write('soon');
          setTimeout(() => response.end('late'), 700);
        }),
      );
    },
    async (client) => {
      const one = await client.connect();
      one.write(KEPT);
      one.end();
      return [await one.rest()].map((text) => text.includes('late'));
    },
    { difference: 'clients that end their side early' },
  ),
  serving(
    'a client that leaves before its answer, or within a stream of them',
    (app) => {
      const server = http.createServer((request, response) => {
        const order: unknown[] = [];
        const note = (event: string) => (value: unknown) => void order.push([event, value instanceof Error || value]);
        for (const event of ['end', 'finish', 'error', 'close']) request.socket.on(event, note(`socket ${event}`));
        for (const event of ['aborted', 'close']) request.on(event, note(`request ${event}`));
        response.on('close', note('response close'));
        server.once('clientError', note('clientError'));
        request.socket.on('close', () => setTimeout(() => app.tell('order', order), 20));
        if (request.url === '/stream') {
          const timer = setInterval(() => response.write('more'), 200);
          response.on('close', () => clearInterval(timer));
        } else app.tell('waits');
      });
      server.on('clientError', (_error, socket) => socket.destroy());
      app.listen(server);
    },
    async (client) => {
      const waiting = await client.connect();
      waiting.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.told('waits');
      waiting.socket.destroy();
      const first = await client.told('order');
      const streaming = await client.connect();
      streaming.write('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
      await streaming.read(150);
      streaming.socket.destroy();
      return [first, await client.told('order', 1)];
    },
  ),
  ...(['the client', 'the app', 'the app of an upgrade'] as const).map((who) =>
    serving(
      `what is told of a write that ${who} does not see the end of`,
      (app) => {
        const large = Buffer.alloc(30_000_000);
        const watch = (socket: NodeJS.WritableStream, end: () => void, ended = (): void => {}): void => {
          const order: unknown[] = [];
          const note = (what: string) => (error?: unknown) =>
            void order.push([what, (error as NodeJS.ErrnoException | null)?.code ?? error ?? null]);
          for (const event of ['drain', 'finish', 'error']) socket.on(event, note(event));
          socket.on('close', () => {
            note('close')();
            setTimeout(() => app.tell('order', order), 20);
          });
          socket.write(large, note('written'));
          ended();
          app.tell('written');
          if (who !== 'the client') setTimeout(end, 100);
        };
        const server = http.createServer((_request, response) =>
          watch(
            response,
            () => response.destroy(),
            () => response.end('more'),
          ),
        );
        server.on('upgrade', (_request, socket) => {
          socket.write('HTTP/1.1 101 Fine\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
          watch(socket, () => socket.destroy());
        });
        app.listen(server);
      },
      async (client) => {
        const one = await client.connect();
        one.socket.pause();
        const fields = who === 'the app of an upgrade' ? 'Connection: Upgrade\r\nUpgrade: x\r\n' : '';
        one.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
        await client.told('written');
        if (who === 'the client') one.socket.resetAndDestroy();
        return client.told('order');
      },
    ),
  ),
  serving(
    'what a request’s socket can be told by',
    (app) =>
      void app.listen(
        http.createServer(({ socket }, response) => {
          app.tell('seen', [
            socket.constructor === net.Socket,
            socket instanceof net.Socket,
            Object.keys(socket).sort(),
          ]);
          response.end();
        }),
      ),
    async (client) => [await client.send(get('/')), await client.told('seen')],
  ),
  serving(
    'the end of a socket behind its last response',
    (app) =>
      void app.listen(
        http.createServer(({ socket }, response) => {
          const order: unknown[] = [];
          for (const event of ['finish', 'end', 'error', 'close']) socket.on(event, () => order.push(event));
          response.on('finish', () => order.push('response finish'));
          socket.on('close', () => app.tell('order', [order, socket.writableFinished]));
          response.end('fine');
        }),
      ),
    async (client) => [await client.send(get('/')), await client.told('order')],
  ),
  alone('the channels of listen()', (app, see) => {
    const seen: unknown[] = [];
    const servers = [http.createServer(fine), http.createServer(fine)];
    for (const what of ['asyncStart', 'asyncEnd', 'error']) {
      subscribe(`tracing:net.server.listen:${what}`, (message) => {
        const { server, error } = message as { server: http.Server; error?: NodeJS.ErrnoException };
        if (servers.includes(server)) seen.push([what, Object.keys(message as object), error?.code]);
      });
    }
    const [first, second] = servers as [http.Server, http.Server];
    first.on('listening', () => seen.push('listening'));
    second.on('error', () => {
      seen.push('error');
      see(seen);
    });
    app.listen(first).on('listening', () => second.listen((first.address() as AddressInfo).port, '127.0.0.1'));
  }),
  serving(
    'insecureHTTPParser',
    (app) => {
      app.listen(
        http.createServer({ insecureHTTPParser: true }, (request, response) =>
          response.end(JSON.stringify(request.headers)),
        ),
      );
    },
    (client) => client.send(get('/', 'A: \x01b\r\n')),
    { difference: 'requests that RFC 9112 wants refused' },
  ),
  serving(
    'joinDuplicateHeaders',
    (app) => {
      app.listen(
        http.createServer({ joinDuplicateHeaders: true }, (request, response) =>
          response.end(JSON.stringify(request.headers)),
        ),
      );
    },
    (client) => client.send(get('/', 'Age: 1\r\nAge: 2\r\nFrom: a\r\nFrom: b\r\nCookie: a\r\nCookie: b\r\n')),
  ),
  serving(
    'optimizeEmptyRequests',
    (app) => {
      const options = { optimizeEmptyRequests: true } as http.ServerOptions;
      app.listen(
        http.createServer(options, (request, response) =>
          response.end(JSON.stringify([request.complete, request.readableEnded])),
        ),
      );
    },
    (client) => client.send(get('/')),
    { since: 24 },
  ),
  serving(
    'shouldUpgradeCallback',
    (app) => {
      const options = { shouldUpgradeCallback: () => false } as http.ServerOptions;
      const server = http.createServer(options, (request, response) =>
        response.end(`plain ${request.headers.upgrade}`),
      );
      server.on('upgrade', (_request, socket) => socket.destroy());
      app.listen(server);
    },
    (client) =>
      client.send(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'.replace(
          'Upgrade: x',
          'Upgrade: x\r\nConnection: close',
        ),
      ),
    { since: MAJOR >= 24 ? 24 : 99 },
  ),
];
