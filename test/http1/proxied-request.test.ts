import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Method, methodCode } from '../../src/http1/methods.ts';
import {
  type ForwardedClient,
  ProxiedRequest,
  type RequestRules,
  requestTrailers,
} from '../../src/http1/proxied-request.ts';
import { Framing, type HeadLimits, RequestHead } from '../../src/http1/request-head.ts';

const RULES: RequestRules = {
  host: null,
  authority: 'server:81',
  xForwarded: false,
  forwarded: false,
  via: null,
  loadFormat: null,
  passesLoadFormat: false,
};
const LIMITS: HeadLimits = { maxHeadBytes: 64 * 1024, maxFields: 2000, requireHost: true };
const UNTRUSTED: ForwardedClient = { address: '192.0.2.1', proto: 'http', isTrusted: false };
const TRUSTED: ForwardedClient = { address: '10.0.0.1', proto: 'http', isTrusted: true };

const REQUEST = new ProxiedRequest();
const HEAD = new RequestHead();

/** What is sent on for a head that a client sent, as our own parser reads it. */
function proxied(text: string, rules: Partial<RequestRules> = {}, client: ForwardedClient = UNTRUSTED): string {
  const bytes = Buffer.from(`${text}\r\n`, 'latin1');
  assert.equal(HEAD.parse(bytes, 0, bytes.length, LIMITS), bytes.length, 'the request is a good one');
  REQUEST.write(
    {
      method: methodCode(bytes, 0, text.indexOf(' ')),
      minorVersion: HEAD.minorVersion,
      lines: text,
      targetOffset: HEAD.targetStart,
      targetLength: HEAD.targetEnd - HEAD.targetStart,
      wantsUpgrade: HEAD.wantsUpgrade,
    },
    HEAD.framing !== Framing.None || HEAD.wantsUpgrade,
    { ...RULES, ...rules },
    client,
  );
  return REQUEST.text;
}

/** A GET of / with these fields, and what stands between its Host and the empty line when it is sent on. */
function fields(given: string, rules: Partial<RequestRules> = {}, client: ForwardedClient = UNTRUSTED): string {
  const text = proxied(`GET / HTTP/1.1\r\nHost: a\r\n${given}`, rules, client);
  const [, rest] = /^GET \/ HTTP\/1\.1\r\nHost: a\r\n([\s\S]*)\r\n$/.exec(text)!;
  return rest!;
}

test('what concerns only the server passes as it came', () => {
  const text = 'GET /a?b HTTP/1.1\r\nhOST: a:1\r\nAccept:  */*  \r\nX-\xff: \xe4\r\nCookie: a=b\r\nCookie: c=d\r\n';
  assert.equal(proxied(text.replace('X-\xff', 'X-A')), `${text.replace('X-\xff', 'X-A')}\r\n`);
});

describe('RFC 9110 section 7.6.1: what was meant for our connection goes no further', () => {
  for (const [given, kept] of [
    ['Connection: close\r\n', ''],
    ['Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nX: 1\r\n', 'X: 1\r\n'],
    ['Proxy-Connection: keep-alive\r\n', ''],
    ['X-Hop: 1\r\nConnection: x-hop, X-Other\r\nX: 1\r\nx-oTHER: 2\r\n', 'X: 1\r\n'],
    ['Connection: x-a\r\nConnection: x-b\r\nX-A: 1\r\nX-B: 1\r\nX-C: 1\r\n', 'X-C: 1\r\n'],
    ['TE: gzip\r\n', ''],
    ['TE: trailers, deflate;q=0.5\r\nConnection: TE\r\n', 'Connection: TE\r\nTE: trailers\r\n'],
    ['Upgrade: websocket\r\n', ''],
    ['HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n', ''],
  ] as const) {
    test(JSON.stringify(given), () => assert.equal(fields(given), kept));
  }

  test('but nobody can name away what frames and routes the message', () => {
    const text =
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: host, content-length, transfer-encoding\r\n';
    assert.equal(proxied(text), 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n');
    assert.equal(
      fields('Connection: x-forwarded-for\r\n', { xForwarded: true }).includes('X-Forwarded-For: 192.0.2.1'),
      true,
    );
  });

  test('nor what a trusted proxy tells of the client', () => {
    const told = 'X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Real-IP: 1.1.1.1\r\n';
    const given = `${told}Connection: x-forwarded-proto, X-Forwarded-Host, x-real-ip\r\n`;
    assert.equal(fields(given, { xForwarded: true }, TRUSTED), `${told}X-Forwarded-For: 10.0.0.1\r\n`);
    assert.equal(fields(given), '');
  });
});

describe('bodies', () => {
  test('of a known length stay so', () => {
    proxied('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n');
    assert.equal(REQUEST.framing, Framing.Length);
  });

  for (const value of [' 3\t', '\t3', '3', '  3', ' 3 ', ' 0003']) {
    test(`of the length ${JSON.stringify(value)} have it told as everybody reads it`, () => {
      const text = proxied(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length:${value}\r\nX: 1\r\n`);
      assert.equal(text, 'POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: 3\r\n\r\n');
      assert.equal(REQUEST.framing, Framing.Length);
    });
  }

  test('in chunks stay so, and the server is told once', () => {
    const text = proxied('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nX: 1\r\n');
    assert.equal(text, 'POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n');
    assert.equal(REQUEST.framing, Framing.Chunked);
  });

  test('there are none where a length of nothing is declared', () => {
    assert.equal(fields('Content-Length: 0\r\n'), 'Content-Length: 0\r\n');
    assert.equal(REQUEST.framing, Framing.None);
    assert.equal(fields('Content-Length: 00\r\n'), 'Content-Length: 0\r\n');
    assert.equal(REQUEST.framing, Framing.None);
  });
});

describe('the target', () => {
  for (const [line, expected] of [
    ['GET http://b.example/x?y HTTP/1.1', 'GET /x?y HTTP/1.1\r\nHost: b.example\r\n'],
    ['GET http://b.example:81 HTTP/1.1', 'GET / HTTP/1.1\r\nHost: b.example:81\r\n'],
    ['GET https://b.example?q HTTP/1.1', 'GET /?q HTTP/1.1\r\nHost: b.example\r\n'],
    ['OPTIONS http://b.example HTTP/1.1', 'OPTIONS * HTTP/1.1\r\nHost: b.example\r\n'],
    ['OPTIONS * HTTP/1.1', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n'],
    ['CONNECT b.example:443 HTTP/1.1', 'CONNECT b.example:443 HTTP/1.1\r\nHost: a\r\n'],
  ] as const) {
    test(`of ${line} (RFC 9112 section 3.2)`, () => {
      assert.equal(proxied(`${line}\r\nHost: a\r\nX: 1\r\n`), `${expected}X: 1\r\n\r\n`);
    });
  }

  test('of HTTP/1.0 is sent on as HTTP/1.1, to the server’s own name where none is given', () => {
    assert.equal(proxied('GET /x HTTP/1.0\r\nX: 1\r\n'), 'GET /x HTTP/1.1\r\nHost: server:81\r\nX: 1\r\n\r\n');
    assert.equal(proxied('GET /x HTTP/1.0\r\nHost: b\r\n'), 'GET /x HTTP/1.1\r\nHost: b\r\n\r\n');
  });

  test('Host is replaced where the pool says so, and the client’s is told of', () => {
    assert.equal(
      proxied('GET / HTTP/1.1\r\nX: 1\r\nHost: a\r\n', { host: 'b', xForwarded: true }),
      'GET / HTTP/1.1\r\nHost: b\r\nX: 1\r\n' +
        'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n',
    );
  });
});

describe('where a request comes from', () => {
  const told =
    'X-Forwarded-For: 1.1.1.1\r\nx-forwarded-proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n' +
    'X-Real-IP: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nX_Forwarded_For: 1.1.1.1\r\n';
  const own = 'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n';

  test('is told by us, not by a client that is not trusted', () => {
    assert.equal(fields(`${told}X: 1\r\n`, { xForwarded: true }), `X: 1\r\n${own}`);
    assert.equal(fields(told), '');
  });

  test('is told by a proxy that is trusted, and we add ourselves', () => {
    assert.equal(
      fields(
        'X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 2.2.2.2\r\n',
        { xForwarded: true },
        TRUSTED,
      ),
      'X-Forwarded-Proto: https\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 10.0.0.1\r\nX-Forwarded-Host: a\r\n',
    );
    assert.equal(fields(told, {}, TRUSTED), told);
  });

  test('is told by RFC 7239 where that is asked for', () => {
    assert.equal(fields('', { forwarded: true }), 'Forwarded: for=192.0.2.1;proto=http;host=a\r\n');
    const six: ForwardedClient = { address: '2001:db8::1', proto: 'https', isTrusted: true };
    assert.equal(
      proxied('GET / HTTP/1.1\r\nHost: a:1\r\nForwarded: for=1.1.1.1\r\n', { forwarded: true }, six),
      'GET / HTTP/1.1\r\nHost: a:1\r\nForwarded: for=1.1.1.1, for="[2001:db8::1]";proto=https;host="a:1"\r\n\r\n',
    );
  });

  test('is not told in trailers, which a server may merge into the head', () => {
    const told =
      'X-Forwarded-For: 1.1.1.1\r\nx_forwarded_proto: https\r\nX-Real-IP: 1.1.1.1\r\nFORWARDED: for=1.1.1.1\r\n';
    assert.equal(requestTrailers(`X-Sum: 1\r\n${told}X-Forward: 1\r\nTE: x\r\n`, null), 'X-Sum: 1\r\nX-Forward: 1\r\n');
  });

  test('is not told of a client without an address', () => {
    const unix: ForwardedClient = { address: null, proto: 'http', isTrusted: false };
    assert.equal(fields('', { xForwarded: true }, unix), 'X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n');
  });
});

test('Via tells of us where that is asked for', () => {
  assert.equal(fields('Via: 1.0 fred\r\n', { via: 'evener' }), 'Via: 1.0 fred\r\nVia: 1.1 evener\r\n');
});

describe('an upgrade', () => {
  const ws = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n';

  test('is asked for on our connection as well', () => {
    assert.equal(fields(ws), 'Sec-WebSocket-Key: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
    assert.equal(REQUEST.isTunnel, true);
  });

  for (const [what, given] of [
    [
      'to h2c, by which requests would get past us',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n',
    ],
    ['to h2c among others', 'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n'],
  ] as const) {
    test(`${what} is not`, () => {
      assert.equal(fields(given), '');
      assert.equal(REQUEST.isTunnel, false);
    });
  }

  test('is not where a body comes with it', () => {
    const text = proxied(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n${ws}`);
    assert.equal(text, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nSec-WebSocket-Key: x\r\n\r\n');
    assert.equal(REQUEST.framing, Framing.Length);
  });
});

test('an expectation of HTTP/1.0 is not passed on, since nobody is to heed it (RFC 9110 section 10.1.1)', () => {
  const lines = 'Host: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n';
  assert.doesNotMatch(proxied(`POST /x HTTP/1.0\r\n${lines}`), /\r\nExpect:/);
  assert.match(proxied(`POST /x HTTP/1.1\r\n${lines}`), /\r\nExpect: 100-continue\r\n/);
});

test('Max-Forwards is counted down for TRACE and OPTIONS alone (RFC 9110 section 7.6.2)', () => {
  assert.match(proxied('OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n'), /\r\nMax-Forwards: 2\r\n/);
  assert.match(proxied('GET /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n'), /\r\nMax-Forwards: 3\r\n/);
  assert.equal(Method.Options, 6);
});
