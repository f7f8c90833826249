import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CookieTokens } from '../../src/balancing/cookie-tokens.ts';
import { STICKY_COOKIE } from '../../src/config/sticky.ts';

const IDENTITIES = ['worker 0', 'worker 1', 'http://10.0.0.5:8080'];

function tokens(secret = 'a secret', scope = 'shop', cookie = STICKY_COOKIE): CookieTokens {
  const made = new CookieTokens(cookie, secret, scope);
  made.set(IDENTITIES);
  return made;
}

function cookieOf(line: string): string {
  return /^Set-Cookie: [^=]+=([^;]+);/.exec(line)![1]!;
}

function asked(value: string): string {
  return `GET / HTTP/1.1\r\nCookie: x=1; evener=${value}\r\n`;
}

test('what it sets it reads back, and so does another with the same secret', () => {
  for (const identity of IDENTITIES) {
    const value = cookieOf(tokens().line(identity, false));
    assert.match(value, /^[\w-]{30}$/);
    assert.equal(tokens().read(asked(value)), identity);
    assert.equal(value.includes('10.0'), false);
  }
});

test('it understands no value of another secret or another pool, and none that was changed', () => {
  const value = cookieOf(tokens().line('worker 1', false));
  assert.equal(tokens('another secret').read(asked(value)), null);
  assert.equal(tokens('a secret', 'blog').read(asked(value)), null);
  for (let at = 0; at < value.length; at++) {
    const changed = `${value.slice(0, at)}${value[at] === 'A' ? 'B' : 'A'}${value.slice(at + 1)}`;
    assert.equal(tokens().read(asked(changed)), null, changed);
  }
  assert.equal(tokens().read(asked(value.slice(0, -1))), null);
  assert.equal(tokens().read(asked(`${value}A`)), null);
  fc.assert(fc.property(fc.base64String(), (text) => assert.equal(tokens().read(asked(text)), null)));
});

test('it forgets who is gone, and takes the first value of several that it understands', () => {
  const made = tokens();
  const gone = cookieOf(made.line('worker 0', false));
  const there = cookieOf(made.line('worker 1', false));
  made.set(['worker 1']);
  assert.equal(made.read(asked(gone)), null);
  assert.equal(made.read(`GET / HTTP/1.1\r\nCookie: evener=${gone}; evener=${there}\r\n`), 'worker 1');
});

test('its line has the attributes that were asked for', () => {
  const value = cookieOf(tokens().line('worker 0', false));
  assert.equal(tokens().line('worker 0', false), `Set-Cookie: evener=${value}; Path=/; HttpOnly; SameSite=Lax\r\n`);
  assert.match(tokens().line('worker 0', true), /SameSite=Lax; Secure\r\n$/);
  const cookie = {
    name: 'at',
    maxAgeSeconds: 60,
    path: '/shop',
    domain: 'example.org',
    sameSite: 'None',
    secure: true,
    secret: 'a secret of the user',
  } as const;
  const own = tokens('not used', 'shop', cookie);
  assert.equal(
    own.line('worker 0', false).replace(/=[\w-]{30};/, '=…;'),
    'Set-Cookie: at=…; Path=/shop; Domain=example.org; Max-Age=60; HttpOnly; SameSite=None; Secure\r\n',
  );
  assert.equal(own.line('worker 0', true), tokens('other', 'shop', cookie).line('worker 0', true));
});
