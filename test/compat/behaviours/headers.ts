import http from 'node:http';
import { type AppSide, attempt, type Behaviour, get, post } from '../support/behaviour.ts';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** Answers one request, which is sent as it stands; what comes back is what is compared. */
function answering(name: string, bytes: string, handler: Handler, more: Partial<Behaviour> = {}): Behaviour {
  return {
    name,
    serve: (app: AppSide) => void app.listen(http.createServer(handler)),
    meet: (client) => client.send(bytes),
    ...more,
  };
}

const json = (response: http.ServerResponse, value: unknown): void => void response.end(JSON.stringify(value));

/** Fields of which Node keeps the first, and others that it joins. */
const REPEATED = [
  'Age',
  'Authorization',
  'Content-Type',
  'ETag',
  'Expires',
  'From',
  'If-Modified-Since',
  'If-Unmodified-Since',
  'Last-Modified',
  'Location',
  'Max-Forwards',
  'Proxy-Authorization',
  'Referer',
  'Retry-After',
  'Server',
  'User-Agent',
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Cache-Control',
  'Cookie',
  'Forwarded',
  'If-Match',
  'If-None-Match',
  'Origin',
  'Pragma',
  'Set-Cookie',
  'TE',
  'Via',
  'Warning',
  'X-Forwarded-For',
  'X-Odd',
  'Sec-WebSocket-Protocol',
  'Access-Control-Request-Headers',
];

const repeated = REPEATED.map((field) =>
  answering(
    `a repeated field: ${field}`,
    get('/', `${field}: one\r\n${field.toLowerCase()}: two\r\n`),
    (request, response) => {
      const key = field.toLowerCase();
      const { headers, headersDistinct, rawHeaders } = request;
      json(response, [headers[key], headersDistinct[key], rawHeaders]);
    },
  ),
);

const TARGETS = [
  '/',
  '/?',
  '/a%20b?c=%zz',
  '//two',
  '/a/../b',
  '/;x=y',
  '/"<>',
  '/\\\\',
  '/%00',
  '/a|b',
  '/{b}',
  '/^`',
];
const targets = [
  ...TARGETS.map((target) => targetOf(target)),
  targetOf('/\xfc', 'the words of a refusal'),
  targetOf('/a?b#c', 'a fragment in a target'),
];

function targetOf(target: string, difference?: string): Behaviour {
  return answering(
    `a target as it was written: ${target}`,
    get(target),
    (request, response) => json(response, request.url),
    difference === undefined ? {} : { difference },
  );
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH', 'LINK', 'PURGE'];
const methods = METHODS.map((method) =>
  answering(`a ${method} without a body`, get('/').replace('GET', method), (request, response) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    request.on('end', () => json(response, [request.method, bytes, request.complete, request.headers]));
  }),
);

export const BEHAVIOURS: readonly Behaviour[] = [
  ...repeated,
  ...targets,
  ...methods,
  answering('OPTIONS *', get('*').replace('GET', 'OPTIONS'), (request, response) => json(response, request.url)),
  answering('the absolute form', get('http://other.example/x'), (request, response) =>
    json(response, [request.url, request.headers.host]),
  ),
  answering('headers are made when asked for, and can be changed', get('/', 'X-A: 1\r\n'), (request, response) => {
    request.headers['x-new'] = 'mine';
    const { headers } = request;
    json(response, [headers, Object.getPrototypeOf(headers) === Object.prototype, headers === request.headers]);
  }),
  answering('the prototype of headers', get('/', '__proto__: x\r\nconstructor: y\r\n'), (request, response) =>
    json(response, [Object.keys(request.headers), request.headers.constructor, 'toString' in request.headers]),
  ),
  answering(
    'blanks around values',
    get('/', 'A:1\r\nB:  2  \r\nC:\t3\t\r\nD: 4 \t 5\r\nE:\r\nF: \t\r\n'),
    (request, response) => json(response, request.rawHeaders),
  ),
  answering('bytes beyond ASCII in values', get('/', 'A: \xfc\xff\r\n'), (request, response) => {
    const text = request.headers.a as string;
    response.setHeader('B', text);
    json(
      response,
      [...text].map((letter) => letter.charCodeAt(0)),
    );
  }),
  answering('odd characters in names', get('/', "!#$%&'*+-.^_`|~9: x\r\n"), (request, response) =>
    json(response, request.headers),
  ),
  answering('headersDistinct and trailersDistinct', post('/', 'x', 'A: 1\r\na: 2\r\n'), (request, response) => {
    request.resume().on('end', () => json(response, [request.headersDistinct, request.trailersDistinct]));
  }),
  answering('an HTTP/1.0 request without Host', 'GET / HTTP/1.0\r\n\r\n', (request, response) =>
    json(response, [request.httpVersion, request.headers, response.shouldKeepAlive]),
  ),
  answering('an empty line before the request', `\r\n${get('/')}`, (_request, response) => response.end('fine')),
  answering(
    'many fields',
    get('/', Array.from({ length: 90 }, (_, i) => `X-${i}: ${i}\r\n`).join('')),
    (request, response) =>
      json(response, [request.rawHeaders.length, Object.keys(request.headers).length, request.headers['x-89']]),
  ),
  answering('a long field', get('/', `X-Long: ${'y'.repeat(8000)}\r\n`), (request, response) =>
    json(response, (request.headers['x-long'] as string).length),
  ),
  answering('req.setEncoding()', post('/', '\xc3\xbc\xc3\xbc'), (request, response) => {
    request.setEncoding('utf8');
    const pieces: unknown[] = [];
    request.on('data', (piece) => pieces.push(typeof piece, piece));
    request.on('end', () => json(response, pieces));
  }),
  answering("'readable' and read()", post('/', 'some body'), (request, response) => {
    const pieces: string[] = [];
    request.on('readable', () => {
      for (let piece = request.read(4); piece !== null; piece = request.read(4)) pieces.push(String(piece));
      const rest = request.read();
      if (rest !== null) pieces.push(String(rest));
    });
    request.on('end', () => json(response, pieces.join('')));
  }),
  answering('a body that is unread when the response ends', post('/', 'x'.repeat(100)), (request, response) =>
    json(response, [request.readableLength >= 0, request.complete, request.readableEnded]),
  ),
  answering('writeHead() with pairs in an array of arrays', get('/'), (_request, response) => {
    response.writeHead(200, [
      ['A', '1'],
      ['a', '2'],
    ] as never);
    response.end('x');
  }),
  answering('writeHead() with a flat array after setHeader()', get('/'), (_request, response) => {
    response.setHeader('X-One', 'set');
    response.writeHead(201, 'Made', ['x-one', 'given', 'X-Two', '2']);
    response.end('x');
  }),
  answering('writeHead() with an odd array', get('/'), (_request, response) => {
    const code = attempt(() => response.writeHead(200, ['A', '1', 'B']));
    response.end(String(code));
  }),
  answering('writeHead() with an object after setHeader()', get('/'), (_request, response) => {
    response.setHeader('X-One', 'set').setHeader('X-Keep', 'kept');
    response.writeHead(200, { 'x-one': 'given', 'Set-Cookie': ['a=1', 'b=2'], 'X-Number': 7 });
    response.end('x');
  }),
  answering('writeHead() with an undefined message', get('/'), (_request, response) => {
    response.writeHead(202, undefined, { A: '1' });
    response.end('x');
  }),
  answering('writeHead() twice, and after end()', get('/'), (_request, response) => {
    response.writeHead(200, { A: '1' });
    const codes = [attempt(() => response.writeHead(500))];
    response.end(JSON.stringify(codes));
    codes.push(attempt(() => response.writeHead(500)));
  }),
  answering('status codes that are none', get('/'), (_request, response) => {
    const codes = [99, 1000, 0, -1, Number.NaN, 'abc', undefined, null, 200.7].map((code) =>
      attempt(() =>
        new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as never).writeHead(
          code as number,
        ),
      ),
    );
    json(response, codes);
  }),
  answering('a status that has no message', get('/'), (_request, response) => response.writeHead(799).end('x')),
  answering('an empty status message', get('/'), (_request, response) => {
    response.statusMessage = '';
    response.end('x');
  }),
  answering('a bad status message', get('/'), (_request, response) => {
    const code = attempt(() => response.writeHead(200, 'bad\r\nmessage'));
    response.statusMessage = 'OK';
    response.end(String(code));
  }),
  answering('names and values that are refused', get('/'), (_request, response) => {
    const codes = [
      ['', 'x'],
      ['a b', 'x'],
      ['a:', 'x'],
      ['\xfc', 'x'],
      ['ok', undefined],
      ['ok', 'a\nb'],
      ['ok', 'a\rb'],
      ['ok', '\u4e16'],
      ['ok', ['x', 'a\nb']],
    ].map(([name, value]) => attempt(() => response.setHeader(name as string, value as string)));
    json(response, codes);
  }),
  answering('the names of headers that were set', get('/'), (_request, response) => {
    response.setHeader('X-One', '1').setHeader('x-TWO', ['2', '3']).setHeader('Content-Type', 'text/x');
    const seen = [
      response.getHeaderNames(),
      (response as unknown as { getRawHeaderNames?(): string[] }).getRawHeaderNames?.(),
      response.getHeaders(),
      response.getHeader('X-ONE'),
      response.hasHeader('x-two'),
      response.hasHeader('x-three'),
    ];
    response.removeHeader('x-one');
    json(response, [...seen, response.getHeaderNames()]);
  }),
  answering('appendHeader()', get('/'), (_request, response) => {
    response.appendHeader('X-A', '1').appendHeader('x-a', '2').appendHeader('X-B', ['3', '4']);
    response.setHeader('X-C', '5').appendHeader('X-C', '6');
    response.end('x');
  }),
  answering('setHeaders() with Headers and Map', get('/'), (_request, response) => {
    const { setHeaders } = response as unknown as { setHeaders(headers: unknown): unknown };
    if (typeof setHeaders === 'function') {
      setHeaders.call(
        response,
        new Headers([
          ['A', '1'],
          ['B', '2'],
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
        ]),
      );
      setHeaders.call(response, new Map([['C', '3']]));
      response.setHeader('D', String(attempt(() => setHeaders.call(response, { e: 'f' }))));
    }
    response.end('x');
  }),
  answering('a number as the value', get('/'), (_request, response) => response.setHeader('A', 5).end('x')),
  answering('an empty value', get('/'), (_request, response) => response.setHeader('A', '').end('x')),
  answering('an empty array as the value', get('/'), (_request, response) => response.setHeader('A', []).end('x')),
  answering('Content-Length given as a wrong text', get('/'), (_request, response) => {
    response.setHeader('Content-Length', '1');
    response.setHeader('content-length', '2');
    response.end('ab');
  }),
  answering('Content-Length and Transfer-Encoding both set', get('/'), (_request, response) => {
    response.removeHeader('Transfer-Encoding');
    response.setHeader('Transfer-Encoding', 'chunked');
    response.removeHeader('Transfer-Encoding');
    response.end('x');
  }),
  answering('Date set and removed', get('/'), (_request, response) => {
    response.setHeader('Date', 'then');
    response.end('x');
  }),
  answering('Connection: close set by the app', get('/').replace('close', 'keep-alive'), (_request, response) => {
    response.setHeader('connection', 'CLOSE');
    response.end('x');
  }),
  {
    name: 'Connection: keep-alive set by the app, for a client that asks to close',
    serve: (app) => {
      const server = http.createServer((_request, response) => {
        response.setHeader('Connection', 'keep-alive');
        response.end('x');
      });
      server.keepAliveTimeout = 100;
      app.listen(server);
    },
    meet: (client) => client.send(get('/')),
    difference: 'a keep-alive that the client does not want',
  },
  answering('Connection: upgrade that nobody asked for', get('/'), (_request, response) => {
    response.setHeader('Vary', '*');
    response.end('x');
  }),
  answering('properties of a fresh request', get('/'), (request, response) => {
    const {
      aborted,
      complete,
      destroyed,
      errored,
      readable,
      readableAborted,
      readableDidRead,
      statusCode,
      statusMessage,
    } = request as http.IncomingMessage & { errored: unknown; readableAborted: boolean; readableDidRead: boolean };
    json(response, {
      aborted,
      complete,
      destroyed,
      errored,
      readable,
      readableAborted,
      readableDidRead,
      statusCode,
      statusMessage,
      keys: Object.keys(request)
        .filter((key) => !key.startsWith('_'))
        .sort(),
    });
  }),
  answering('properties of a fresh response', get('/'), (request, response) => {
    json(response, {
      keys: Object.keys(response)
        .filter((key) => !key.startsWith('_'))
        .sort(),
      isRequest: response.req === request,
      names: [request.constructor.name, response.constructor.name],
      string: String(request),
    });
  }),
];
