import http from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { type AppSide, attempt, type Behaviour, get, post } from '../support/behaviour.ts';

type Note = (what: unknown) => void;
type Handler = (request: http.IncomingMessage, response: http.ServerResponse, note: Note, app: AppSide) => void;

/** Tells, when the response has closed, the order of its events and what the handler has noted, and compares the bytes too. */
function telling(
  name: string,
  bytes: string,
  handler: Handler,
  more: Partial<Behaviour> & { options?: http.ServerOptions } = {},
): Behaviour {
  const { options, ...rest } = more;
  return {
    name,
    serve: (app) => {
      const serve = (request: http.IncomingMessage, response: http.ServerResponse): void => {
        const order: unknown[] = [];
        const note = (what: unknown): void => void order.push(what);
        for (const event of ['finish', 'close', 'drain', 'pipe', 'unpipe']) response.on(event, () => note(event));
        response.on('error', (error: NodeJS.ErrnoException) => note(`error ${error.code ?? error.message}`));
        request.on('error', (error: NodeJS.ErrnoException) => note(`request error ${error.code ?? error.message}`));
        response.on('close', () => setTimeout(() => app.tell('order', order), 20));
        handler(request, response, note, app);
      };
      app.listen(http.createServer(options ?? {}, serve));
    },
    meet: async (client) => {
      const seen = await client.send(bytes);
      return { seen, order: await client.told('order') };
    },
    ...rest,
  };
}

const stateOf = (response: http.ServerResponse): unknown => [
  response.headersSent,
  response.writable,
  response.writableEnded,
  response.writableFinished,
  response.finished,
  response.destroyed,
  response.socket === null,
  response.closed,
  response.errored,
];

const GET = get('/');
const MAJOR = Number.parseInt(process.versions.node, 10);

export const BEHAVIOURS: readonly Behaviour[] = [
  telling('states of a response on its way', GET, (_request, response, note) => {
    note(stateOf(response));
    response.flushHeaders();
    note(stateOf(response));
    response.write('a');
    note(stateOf(response));
    response.end('b', () => note(['ended', stateOf(response)]));
    note(stateOf(response));
    response.on('close', () => note(stateOf(response)));
  }),
  telling('end() with a callback only', GET, (_request, response, note) => response.end(() => note('callback'))),
  telling('end() with data, encoding and callback', GET, (_request, response, note) =>
    response.end('/w==', 'base64', () => note('callback')),
  ),
  telling('callbacks of writes, in order', GET, (_request, response, note) => {
    response.write('a', () => note('a'));
    response.write('b', 'latin1', () => note('b'));
    response.write(Buffer.alloc(0), () => note('empty'));
    response.end('c', () => note('c'));
  }),
  telling('a write after end()', GET, (_request, response, note) => {
    response.end('x');
    note(response.write('y', (error) => note(`callback ${(error as NodeJS.ErrnoException)?.code}`)));
  }),
  telling('end() after end(), with and without data', GET, (_request, response, note) => {
    response.end('x');
    response.end((error?: NodeJS.ErrnoException) => note(`second ${error?.code}`));
    response.end('more', (error?: NodeJS.ErrnoException) => note(`third ${error?.code}`));
  }),
  telling('writes of what is neither text nor bytes', GET, (_request, response, note) => {
    for (const value of [null, undefined, 1, true, {}, []]) note(attempt(() => response.write(value as never)));
    note(attempt(() => response.end(1 as never)));
    response.end('x');
  }),
  telling('a header set when they have been sent', GET, (_request, response, note) => {
    response.write('x');
    note(attempt(() => response.setHeader('A', '1')));
    note(attempt(() => response.removeHeader('A')));
    note(attempt(() => response.appendHeader('A', '1')));
    note(attempt(() => response.writeHead(200)));
    note(response.getHeader('transfer-encoding'));
    response.end();
  }),
  telling('flushHeaders() twice, and after a write', GET, (_request, response) => {
    response.flushHeaders();
    response.flushHeaders();
    response.write('x');
    response.flushHeaders();
    response.end();
  }),
  telling('writeContinue() with a callback', post('/'), (_request, response, note) => {
    response.writeContinue(() => note('continued'));
    response.end('x');
  }),
  telling('writeProcessing() again and again', GET, (_request, response) => {
    response.writeProcessing();
    response.writeProcessing();
    response.end('x');
  }),
  telling('writeEarlyHints() with text', GET, (_request, response, note) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }, () => note('hinted'));
    response.end('x');
  }),
  telling('writeEarlyHints() with a list and other fields', GET, (_request, response) => {
    response.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'], 'x-id': '1' });
    response.writeEarlyHints({ link: '</c.css>; rel=preload' });
    response.end('x');
  }),
  // As where one before it on the same connection has not finished.
  telling('1xx heads and a body of a response that waits for its socket', GET, (_request, response) => {
    const socket = response.socket!;
    response.detachSocket(socket);
    response.writeProcessing();
    response.writeEarlyHints({ link: '</a.css>; rel=preload', 'x-long': 'x'.repeat(300) });
    response.write('a body');
    response.end(' in two pieces');
    response.assignSocket(socket);
  }),
  telling('writeEarlyHints() without links', GET, (_request, response, note) => {
    note(attempt(() => response.writeEarlyHints({})));
    note(attempt(() => response.writeEarlyHints({ link: '' } as never)));
    note(attempt(() => response.writeEarlyHints({ link: 'bad' } as never)));
    note(attempt(() => response.writeEarlyHints(1 as never)));
    response.end('x');
  }),
  telling(
    'an interim response to an HTTP/1.0 client',
    'GET / HTTP/1.0\r\n\r\n',
    (_request, response) => {
      response.writeProcessing();
      response.end('x');
    },
    { difference: 'interim responses to an HTTP/1.0 client' },
  ),
  telling(
    'Connection taken out by the app',
    GET,
    (_request, response) => {
      response.removeHeader('Connection');
      response.end('x');
    },
    { difference: 'a close that the response does not tell of' },
  ),
  telling('interim responses after the head', GET, (_request, response, note) => {
    response.write('x');
    response.end();
    note(response.headersSent);
  }),
  telling('addTrailers() with chunks', GET, (_request, response) => {
    response.setHeader('Trailer', 'X-A, X-B');
    response.write('body');
    response.addTrailers({ 'X-A': '1', 'X-B': 'two words' });
    response.end();
  }),
  telling('addTrailers() with pairs', GET, (_request, response) => {
    response.setHeader('Trailer', 'X-A');
    response.write('body');
    response.addTrailers([
      ['X-A', '1'],
      ['X-A', '2'],
    ]);
    response.end();
  }),
  telling('addTrailers() with a length', GET, (_request, response, note) => {
    response.setHeader('Content-Length', 4);
    note(attempt(() => response.addTrailers({ 'X-A': '1' })));
    response.end('body');
  }),
  telling('Trailer with a length', GET, (_request, response, note) => {
    response.setHeader('Content-Length', 4).setHeader('Trailer', 'X-A');
    note(attempt(() => response.flushHeaders()));
    if (!response.headersSent) response.removeHeader('Trailer');
    response.end('body');
  }),
  telling('trailers that are refused', GET, (_request, response, note) => {
    response.write('x');
    note(attempt(() => response.addTrailers({ 'bad name': 'x' })));
    note(attempt(() => response.addTrailers({ ok: 'bad\nvalue' })));
    response.end();
  }),
  telling(
    'trailers of the request',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\n\r\n',
    (request, response, note) => {
      note(request.trailers);
      request.resume().on('end', () => {
        note([request.trailers, request.rawTrailers]);
        response.end('x');
      });
    },
  ),
  telling(
    'extensions of chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n',
    (request, response) => {
      request.pipe(response);
    },
  ),
  telling('explicit chunked', GET, (_request, response) => {
    response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
    response.end('body');
  }),
  telling('explicit chunked and Connection: close', GET, (_request, response) => {
    response.writeHead(200, { 'Transfer-Encoding': 'chunked', Connection: 'close' });
    response.write('a');
    response.end('b');
  }),
  telling('identity', GET, (_request, response) => {
    response.writeHead(200, { 'Content-Length': 2, 'Content-Encoding': 'identity' });
    response.end('ab');
  }),
  telling(
    'strictContentLength, too much in end()',
    GET,
    (_request, response, note) => {
      response.strictContentLength = true;
      response.setHeader('Content-Length', 2);
      note(attempt(() => response.end('abc')));
      response.destroy();
    },
    { difference: 'what end() writes before it throws' },
  ),
  telling('strictContentLength, exactly', GET, (_request, response) => {
    response.strictContentLength = true;
    response.setHeader('Content-Length', 4);
    response.write('ab');
    response.end('cd');
  }),
  telling('strictContentLength and HEAD', GET.replace('GET', 'HEAD'), (_request, response) => {
    response.strictContentLength = true;
    response.setHeader('Content-Length', 4);
    response.end();
  }),
  telling('HEAD with a body', GET.replace('GET', 'HEAD'), (_request, response) => {
    response.write('ignored');
    response.end('too');
  }),
  telling('HEAD with a length and a body', GET.replace('GET', 'HEAD'), (_request, response) => {
    response.setHeader('Content-Length', 7);
    response.end('ignored');
  }),
  telling(
    'rejectNonStandardBodyWrites',
    GET,
    (_request, response, note) => {
      response.writeHead(204);
      note(attempt(() => response.write('x')));
      response.end();
    },
    { options: { rejectNonStandardBodyWrites: true } as http.ServerOptions },
  ),
  telling(
    '204 with a length of 0',
    GET,
    (_request, response) => {
      response.writeHead(204, { 'Content-Length': 0 });
      response.end();
    },
    { difference: 'responses that RFC 9112 forbids' },
  ),
  telling(
    'write() and destroy() in one turn',
    GET,
    (_request, response) => {
      response.write('a');
      response.destroy();
    },
    MAJOR < 26 ? { difference: 'what is written before a destroy() of the same turn' } : {},
  ),
  telling(
    '204 with chunked asked for',
    GET,
    (_request, response) => {
      response.writeHead(204, { 'Transfer-Encoding': 'chunked' });
      response.end();
    },
    { difference: 'responses that RFC 9112 forbids' },
  ),
  telling('304 with a length', GET, (_request, response) => {
    response.writeHead(304, { 'Content-Length': 10 });
    response.end();
  }),
  telling('205 with a body', GET, (_request, response) => response.writeHead(205).end('x')),
  telling('cork() and uncork()', GET, (_request, response, note) => {
    response.cork();
    response.write('a');
    response.write('b');
    note(response.writableCorked);
    process.nextTick(() => {
      response.uncork();
      response.end('c');
    });
  }),
  telling(
    'high-water mark of an option',
    GET,
    (_request, response, note) => {
      note([response.writableHighWaterMark, response.write('x'.repeat(50)), response.writableNeedDrain]);
      response.once('drain', () => {
        response.end();
      });
    },
    { options: { highWaterMark: 20 } as http.ServerOptions },
  ),
  telling('pipe() from a stream', GET, (_request, response) => Readable.from(['a', 'b', 'c']).pipe(response)),
  telling('pipeline() from a stream that fails', GET, (_request, response, note) => {
    const source = Readable.from(
      (function* () {
        yield 'a';
        throw Object.assign(new Error('broken'), { code: 'EMINE' });
      })(),
    );
    pipeline(source, response, (error) => note(`pipeline ${error?.code}`));
  }),
  telling('destroy() before anything', GET, (_request, response) => {
    response.destroy();
  }),
  telling('destroy() with an error after the head', GET, (_request, response) => {
    response.write('some');
    setTimeout(() => response.destroy(new Error('mine')), 20);
  }),
  telling('destroy() after end()', GET, (_request, response) => {
    response.end('x');
    response.destroy();
  }),
  telling('req.destroy() before a response', GET, (request) => {
    request.destroy();
  }),
  telling('req.socket.end() before a response', GET, (request, response) => {
    request.socket.end();
    setTimeout(() => response.end('late'), 20);
  }),
  telling('res.socket.write() past the response', GET, (_request, response, note) => {
    note(response.socket?.writable);
    response.end('x');
  }),
  telling('setTimeout() that never fires', GET, (_request, response, note) => {
    response.setTimeout(60_000, () => note('timeout'));
    response.end('x');
  }),
  telling('setTimeout() of a response, heard', GET, (_request, response, note) => {
    response.setTimeout(50, () => {
      note('timeout');
      response.end('late');
    });
  }),
  telling('setTimeout() of a request, heard', GET, (request, response, note) => {
    request.setTimeout(50, () => {
      note('timeout');
      response.end('late');
    });
  }),
  telling('setTimeout() of the socket, heard', GET, (request, response, note) => {
    request.socket.setTimeout(50, () => {
      note('timeout');
      response.end('late');
    });
  }),
  telling('req.complete and req.aborted of a whole upload', post('/', 'abcd'), (request, response, note) => {
    note([request.complete, request.aborted]);
    request.resume().on('end', () => {
      note([request.complete, request.aborted, request.readableEnded]);
      response.end('x');
    });
  }),
  telling('req.on(data) after the response', post('/', 'abcd'), (request, response, note) => {
    response.end('x');
    request.on('data', (piece) => note(String(piece)));
    request.on('end', () => note('end'));
  }),
  telling('a promise of the end of a request', post('/', 'abcd'), (request, response, note) => {
    void (async () => {
      const pieces = [];
      for await (const piece of request) pieces.push(String(piece));
      note(pieces.join(''));
      response.end('x');
    })();
  }),
  telling('leaving the loop over a request', post('/', 'abcd'), (request, response, note) => {
    void (async () => {
      for await (const _ of request) break;
      note(request.destroyed);
      response.end('x');
    })();
  }),
  telling("'pipe' and 'unpipe'", post('/', 'abcd'), (request, response) => {
    request.pipe(response);
  }),
  telling('a large answer in one', GET, (_request, response) => response.end(Buffer.alloc(3_000_000, 'z'))),
  telling(
    'a large answer in pieces',
    GET,
    (_request, response) => {
      let left = 50;
      const more = (): void => {
        if (left-- > 0) response.write('y'.repeat(10_000), more);
        else response.end();
      };
      more();
    },
    // How it is cut into chunks depends on the run.
    { meet: async (client) => [(await client.send(GET)).split('y').length, await client.told('order')] },
  ),
  telling(
    'an echo of a large upload',
    post('/', 'u'.repeat(1_000_000)),
    (request, response) => {
      request.pipe(response);
    },
    {
      meet: async (client) => {
        const seen = await client.send(post('/', 'u'.repeat(1_000_000)));
        await client.told('order');
        // How it is cut into chunks depends on the run.
        return seen.replace(/\r\n[0-9a-f]+\r\n/g, '').length > 1_000_000;
      },
    },
  ),
  telling(
    'Expect: 100-continue without a listener',
    post('/', 'abcd', 'Expect: 100-continue\r\n'),
    (request, response) => {
      request.resume().on('end', () => response.end('x'));
    },
  ),
  {
    name: 'an unknown expectation without a listener',
    serve: (app) => void app.listen(http.createServer((_request, response) => response.end('x'))),
    meet: (client) => client.send(get('/', 'Expect: much\r\n')),
  },
  telling('keep-alive and its header', get('/').replace('close', 'keep-alive'), (request, response, note) => {
    note(response.shouldKeepAlive);
    response.end('x', () => setTimeout(() => request.socket.end(), 30));
  }),
];
