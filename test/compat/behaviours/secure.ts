import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type AppSide, type Behaviour, type ClientSide, get } from '../support/behaviour.ts';
import { withoutDate } from '../support/side-by-side.ts';

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../test/fixtures/certificates/${name}`, import.meta.url)), 'latin1');
const SECRETS = { key: read('localhost.key.pem'), cert: read('localhost.cert.pem') };

/** A TLS client of a behaviour's port. */
async function secure(client: ClientSide, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const port = await client.port();
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  client.test.after(() => socket.destroy());
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('close', () => reject(new Error('closed before it was secure')));
  });
  return socket;
}

async function sendSecurely(client: ClientSide, bytes: string, options: tls.ConnectionOptions = {}): Promise<string> {
  const socket = await secure(client, options);
  socket.write(bytes, 'latin1');
  return withoutDate(await text(socket));
}

/** A tls.Server and what becomes of one connection. */
function overTls(
  name: string,
  serve: (socket: tls.TLSSocket, app: AppSide) => void,
  meet: (client: ClientSide) => Promise<unknown>,
  options: tls.TlsOptions = {},
): Behaviour {
  return {
    name: `tls: ${name}`,
    serve: (app) => void app.listen(tls.createServer({ ...SECRETS, ...options }, (one) => serve(one, app))),
    meet,
  };
}

function overHttps(
  name: string,
  serve: http.RequestListener,
  meet: (client: ClientSide) => Promise<unknown>,
  options: https.ServerOptions = {},
): Behaviour {
  return {
    name: `https: ${name}`,
    serve: (app) => void app.listen(https.createServer({ ...SECRETS, ...options }, serve)),
    meet,
  };
}

type Http2Handler = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void;

function overHttp2(
  name: string,
  make: (app: AppSide) => http2.Http2Server | http2.Http2SecureServer,
  meet: (session: http2.ClientHttp2Session, client: ClientSide) => Promise<unknown>,
): Behaviour {
  return {
    name: `http2: ${name}`,
    serve: (app) => void app.listen(make(app)),
    meet: async (client) => {
      const isSecure = name.startsWith('secure');
      const session = http2.connect(`${isSecure ? 'https' : 'http'}://127.0.0.1:${await client.port()}`, {
        rejectUnauthorized: false,
      });
      client.test.after(() => session.destroy());
      session.on('error', () => {});
      return meet(session, client);
    },
  };
}

async function answerOf(stream: http2.ClientHttp2Stream): Promise<unknown> {
  const trailers: unknown[] = [];
  const heads: unknown[] = [];
  stream.on('headers', (headers) => heads.push(headers));
  stream.on('trailers', (headers) => trailers.push(headers));
  const head = new Promise((resolve) => {
    stream.once('response', (headers) => resolve({ ...headers, date: headers.date === undefined ? null : 'now' }));
  });
  const body = await text(stream);
  return [heads, await head, body, trailers];
}

export const BEHAVIOURS: readonly Behaviour[] = [
  overTls(
    'an echo',
    (one) => one.pipe(one),
    async (client) => {
      const one = await secure(client);
      one.end('echo');
      return text(one);
    },
  ),
  overTls(
    'the facts of a socket',
    (one, app) => {
      app.tell('facts', [
        one.encrypted,
        one.authorized,
        one.alpnProtocol,
        one.getProtocol(),
        typeof one.getCipher().name,
        (one as tls.TLSSocket & { servername: unknown }).servername,
        one.remoteAddress,
        one.remoteFamily,
        typeof one.remotePort,
        one.localAddress,
        one.readyState,
        one.constructor.name,
        one instanceof net.Socket,
        one.isSessionReused(),
      ]);
      one.end('bye');
      one.resume();
    },
    async (client) => [await sendSecurely(client, 'x'), await client.told('facts')],
  ),
  overTls(
    'ALPN and SNI',
    (one) => one.end(`${one.alpnProtocol} ${(one as tls.TLSSocket & { servername: unknown }).servername}`),
    (client) => sendSecurely(client, '', { ALPNProtocols: ['two', 'one'], servername: 'localhost' }),
    { ALPNProtocols: ['one', 'two'] },
  ),
  overTls(
    'SNICallback',
    (one) => one.end('served'),
    (client) => sendSecurely(client, '', { servername: 'other.example' }),
    {
      SNICallback: (name, done) =>
        done(null, tls.createSecureContext({ ...SECRETS, ...(name === 'other.example' ? {} : {}) })),
    },
  ),
  overTls(
    'a certificate of the client',
    (one) =>
      one.end(JSON.stringify([one.authorized, String(one.authorizationError), one.getPeerCertificate().subject?.CN])),
    (client) => sendSecurely(client, '', SECRETS),
    { requestCert: true, rejectUnauthorized: false },
  ),
  overTls(
    'TLS 1.2',
    (one) => one.end(String(one.getProtocol())),
    (client) => sendSecurely(client, '', { maxVersion: 'TLSv1.2' }),
  ),
  overTls(
    'a session that is taken up again',
    (one) => one.end(String(one.isSessionReused())),
    async (client) => {
      const first = await secure(client, { maxVersion: 'TLSv1.2' });
      const session = first.getSession()!;
      const seen = [await text(first)];
      seen.push(await sendSecurely(client, '', { maxVersion: 'TLSv1.2', session }));
      return seen;
    },
  ),
  overTls(
    'a megabyte each way',
    (one) => one.pipe(one),
    async (client) => {
      const socket = await secure(client);
      socket.end(Buffer.alloc(1_000_000, 'm'));
      return (await text(socket)).length;
    },
  ),
  overTls(
    'the order of events at the end',
    (one, app) => {
      const order: unknown[] = [];
      for (const event of ['end', 'finish', 'close', 'error']) one.on(event, () => order.push(event));
      // Whether the client's end or the kernel's word on ours is the first to be read is chance.
      one.on('close', () => setTimeout(() => app.tell('order', [order.slice(0, -1).sort(), order.at(-1)]), 20));
      one.on('data', (data) => one.end(`last ${data}`));
    },
    async (client) => [await sendSecurely(client, 'x'), await client.told('order')],
  ),
  overTls(
    'bytesRead and bytesWritten',
    (one, app) => {
      one.on('data', () => one.end('answer'));
      one.on('close', () => app.tell('bytes', [one.bytesRead, one.bytesWritten]));
    },
    async (client) => [await sendSecurely(client, 'twelve bytes'), await client.told('bytes')],
  ),
  overTls(
    'a client that resets',
    (one, app) => {
      one.resume();
      one.write('x');
      const order: unknown[] = [];
      one.on('error', (error: NodeJS.ErrnoException) => order.push(error.code));
      one.on('close', (hadError) => app.tell('order', [...order, hadError]));
    },
    async (client) => {
      const socket = await secure(client);
      await new Promise((resolve) => socket.once('data', resolve));
      (socket as unknown as { _parent: net.Socket | null })._parent?.resetAndDestroy();
      const { _handle } = socket as unknown as { _handle: { reset?(done: () => void): void } | null };
      if (!socket.destroyed) _handle?.reset?.(() => {});
      socket.destroy();
      return (await client.told<unknown[]>('order')).length > 0;
    },
  ),
  {
    name: 'tls: tlsClientError of what is no TLS',
    serve: (app) => {
      const server = tls.createServer(SECRETS, () => app.tell('secure'));
      server.on('tlsClientError', (error, one) =>
        app.tell('error', [(error as NodeJS.ErrnoException).code, one instanceof tls.TLSSocket]),
      );
      app.listen(server);
    },
    meet: async (client) => {
      const one = await client.connect();
      one.write('GET / HTTP/1.1\r\n\r\n');
      await one.ended();
      one.socket.destroy();
      return client.told('error');
    },
  },
  {
    name: 'tls: tlsClientError of a client that goes',
    serve: (app) => {
      const server = tls.createServer(SECRETS, () => app.tell('secure'));
      server.on('tlsClientError', (error) => app.tell('error', (error as NodeJS.ErrnoException).code));
      app.listen(server);
    },
    meet: async (client) => {
      const one = await client.connect();
      one.end();
      await one.ended();
      return client.told('error');
    },
  },
  {
    name: "tls: 'connection' comes before 'secureConnection'",
    serve: (app) => {
      const order: unknown[] = [];
      const server = tls.createServer(SECRETS);
      server.on('connection', (one) =>
        order.push(['connection', one.constructor.name, one.remoteAddress, one.encrypted ?? null]),
      );
      server.on('secureConnection', (one) => {
        order.push(['secure', one.encrypted]);
        one.end(JSON.stringify(order));
      });
      app.listen(server);
    },
    meet: (client) => sendSecurely(client, ''),
  },
  {
    name: 'tls: STARTTLS, as the app does it',
    serve: (app) => {
      const context = tls.createSecureContext(SECRETS);
      app.listen(
        net.createServer((one) => {
          one.write('ready\n');
          one.once('data', () => {
            one.write('now\n', () => {
              const over = new tls.TLSSocket(one, { isServer: true, secureContext: context });
              over.on('data', (data) => over.end(`secret ${data}`));
              over.on('error', () => {});
            });
          });
        }),
      );
    },
    meet: async (client) => {
      const one = await client.connect();
      await one.read(6);
      one.write('go');
      await one.read(4);
      one.socket.removeAllListeners('data');
      const over = tls.connect({ socket: one.socket, rejectUnauthorized: false });
      over.write('x');
      return text(over);
    },
  },
  {
    name: 'tls: a proxy that opens what CONNECT carries',
    serve: (app) => {
      const inner = https.createServer(SECRETS, (request, response) => {
        response.end(`${request.url} ${(request.socket as tls.TLSSocket).encrypted} ${request.socket.remoteAddress}`);
      });
      const server = http.createServer();
      server.on('connect', (_request, one) => {
        one.write('HTTP/1.1 200 Connected\r\n\r\n', () => inner.emit('connection', one));
      });
      app.listen(server);
    },
    meet: async (client) => {
      const one = await client.connect();
      one.write('CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n');
      const { head } = await one.response('CONNECT');
      one.socket.removeAllListeners('data');
      const over = tls.connect({ socket: one.socket, rejectUnauthorized: false });
      over.write(get('/inner'));
      return [head, withoutDate(await text(over))];
    },
  },
  {
    name: 'tls: handshakeTimeout',
    serve: (app) => {
      const server = tls.createServer({ ...SECRETS, handshakeTimeout: 100 });
      server.on('tlsClientError', (error, one) => {
        app.tell('error', (error as NodeJS.ErrnoException).code);
        one.destroy();
      });
      app.listen(server);
    },
    meet: async (client) => {
      const one = await client.connect();
      await one.ended();
      return client.told('error');
    },
  },
  overHttps(
    'an answer',
    (request, response) => response.end(`${request.url} ${request.httpVersion}`),
    (client) => sendSecurely(client, get('/x')),
  ),
  overHttps(
    'the facts of a request',
    (request, response) => {
      const one = request.socket as tls.TLSSocket;
      response.end(
        JSON.stringify([
          one.encrypted,
          one.authorized,
          one.remoteAddress,
          one.remoteFamily,
          typeof one.remotePort,
          one.constructor.name,
          one.getProtocol(),
          request.rawHeaders,
        ]),
      );
    },
    (client) => sendSecurely(client, get('/')),
  ),
  overHttps(
    'keep-alive and pipelining',
    (request, response) => response.end(request.url),
    (client) =>
      sendSecurely(client, `GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n${get('/3')}`),
  ),
  overHttps(
    'an upload',
    (request, response) => void request.pipe(response),
    (client) =>
      sendSecurely(client, `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nupload`),
  ),
  overHttps(
    'nonsense within TLS',
    (_request, response) => response.end('x'),
    (client) => sendSecurely(client, 'nonsense\r\n\r\n'),
  ),
  overHttps(
    'keepAliveTimeout',
    (_request, response) => response.end('x'),
    async (client) => withoutDate(await sendSecurely(client, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')),
    { keepAliveTimeout: 150 } as https.ServerOptions,
  ),
  {
    name: 'https: close() and closeAllConnections()',
    serve: (app) => {
      const server = https.createServer(SECRETS, (request, response) => {
        if (request.url === '/hold') {
          app.tell('held');
          return;
        }
        server.close(() => app.tell('closed', server.listening));
        response.end('closing', () => server.closeAllConnections());
      });
      app.listen(server);
    },
    meet: async (client) => {
      const holding = await secure(client);
      holding.write('GET /hold HTTP/1.1\r\nHost: a\r\n\r\n');
      const held = text(holding);
      await client.told('held');
      const seen = await sendSecurely(client, get('/close'));
      return [seen, await held, await client.told('closed')];
    },
  },
  {
    name: "https: 'upgrade'",
    serve: (app) => {
      const server = https.createServer(SECRETS);
      server.on('upgrade', (_request, one) => {
        one.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
        one.on('data', (data: Buffer) => one.end(`over ${data}`));
      });
      app.listen(server);
    },
    meet: async (client) => {
      const one = await secure(client);
      one.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      const head = String(await new Promise((resolve) => one.once('data', resolve)));
      one.write('hello');
      return [head, await text(one)];
    },
  },
  overHttp2(
    'an answer of the compatibility API',
    () =>
      http2.createServer(((request, response) => {
        response.setHeader('x-seen', request.headers['x-a'] ?? '');
        response.end(`${request.httpVersion} ${request.method} ${request.url} ${request.socket.remoteAddress}`);
      }) as Http2Handler),
    (session) => answerOf(session.request({ ':path': '/p', 'x-a': '1' })),
  ),
  overHttp2(
    'secure: an answer of the compatibility API',
    () =>
      http2.createSecureServer(SECRETS, ((request, response) => {
        response.end(
          `${request.httpVersion} ${(request.socket as tls.TLSSocket).encrypted} ${(request.stream.session as http2.ServerHttp2Session).alpnProtocol}`,
        );
      }) as Http2Handler),
    (session) => answerOf(session.request({ ':path': '/' })),
  ),
  overHttp2(
    'streams, trailers and interim heads',
    () => {
      const server = http2.createServer();
      server.on('stream', (stream, headers) => {
        stream.additionalHeaders({ ':status': 103, link: '</a>; rel=preload' });
        stream.respond({ ':status': 201, 'x-path': headers[':path'] }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-t': '1' }));
        stream.end('body');
      });
      return server;
    },
    (session) => answerOf(session.request({ ':path': '/t' })),
  ),
  overHttp2(
    'an upload of a megabyte',
    () =>
      http2.createServer(((request, response) => {
        let bytes = 0;
        request.on('data', (piece: Buffer) => {
          bytes += piece.length;
        });
        request.on('end', () => response.end(String(bytes)));
      }) as Http2Handler),
    (session) => {
      const stream = session.request({ ':method': 'POST', ':path': '/' });
      stream.end(Buffer.alloc(1_000_000));
      return answerOf(stream);
    },
  ),
  overHttp2(
    'many streams at once',
    () => http2.createServer(((request, response) => response.end(request.url)) as Http2Handler),
    (session) => Promise.all(Array.from({ length: 50 }, (_, i) => text(session.request({ ':path': `/${i}` })))),
  ),
  overHttp2(
    'a stream that is reset',
    (app) => {
      const server = http2.createServer();
      server.on('stream', (stream) => {
        stream.on('error', () => {});
        stream.on('close', () => app.tell('code', stream.rstCode));
        stream.respond({ ':status': 200 });
        stream.write('some');
      });
      return server;
    },
    async (session, client) => {
      const stream = session.request({ ':path': '/' });
      stream.once('data', () => stream.close(http2.constants.NGHTTP2_CANCEL));
      await new Promise((resolve) => stream.once('close', resolve));
      return client.told('code');
    },
  ),
  overHttp2(
    'ping, settings and the end of a session',
    (app) => {
      const server = http2.createServer({ settings: { maxConcurrentStreams: 7 } });
      server.on('session', (session) => {
        session.on('close', () => app.tell('closed'));
        session.on('ping', () => app.tell('pinged'));
      });
      return server;
    },
    async (session, client) => {
      const settings = await new Promise<http2.Settings>((resolve) => session.once('remoteSettings', resolve));
      await new Promise((resolve) => session.ping(() => resolve(null)));
      session.close();
      return [settings.maxConcurrentStreams, await client.told('pinged'), await client.told('closed')];
    },
  ),
  overHttp2(
    'goaway of the app',
    () => {
      const server = http2.createServer();
      server.on('stream', (stream) => {
        stream.respond({ ':status': 200 });
        stream.end('last');
        stream.session?.goaway(http2.constants.NGHTTP2_NO_ERROR);
      });
      return server;
    },
    async (session) => {
      const code = new Promise((resolve) => session.once('goaway', (one) => resolve(one)));
      return [await text(session.request({ ':path': '/' })), await code];
    },
  ),
  overHttp2(
    'bytes that are no HTTP/2',
    () => http2.createServer(),
    async (_session, client) => {
      const one = await client.connect();
      one.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await one.ended();
      return one.bytes > 0;
    },
  ),
  {
    name: 'http2: a secure server that also speaks HTTP/1.1',
    serve: (app) => {
      const options = { ...SECRETS, allowHTTP1: true };
      app.listen(
        http2.createSecureServer(options, (request, response) =>
          response.end(`${request.httpVersion} ${(request.socket as tls.TLSSocket).encrypted}`),
        ),
      );
    },
    meet: (client) => sendSecurely(client, get('/'), { ALPNProtocols: ['http/1.1'] }),
  },
];
