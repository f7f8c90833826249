import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dashboardPages } from '../../src/dashboard/pages.ts';
import { ScriptedInstance } from './support/scripted-instance.ts';

const PAGES = dashboardPages();
const HTML = PAGES.get('/')!.body.toString();

test('everything that the page loads is there', () => {
  const loaded = [...HTML.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => `/${path}`);
  const imported = [...PAGES].flatMap(([path, { body }]) =>
    path.endsWith('.js')
      ? [...body.toString().matchAll(/from '\.\/([^']+)'/g)].map(([, name]) => `/assets/${name}`)
      : [],
  );
  assert.ok(loaded.length >= 5 && imported.length >= 20, `${loaded.length} loaded, ${imported.length} imported`);
  assert.deepEqual(
    [...loaded, ...imported].filter((path) => !PAGES.has(path)),
    [],
  );
});

test('the page has no script and no style inside it, and names no other host', () => {
  assert.doesNotMatch(HTML, /<style|<script(?![^>]* src=)|\sstyle=|\son\w+=/i);
  for (const [path, { body }] of PAGES) {
    const hosts = [...body.toString().matchAll(/https?:\/\/([\w.]+)/g)].map(([, host]) => host!);
    const known = ['www.w3.org', 'github.com'];
    assert.deepEqual(
      hosts.filter((host) => !known.includes(host)),
      [],
      path,
    );
  }
});

test('every file forbids scripts and styles from elsewhere, and frames around it', () => {
  for (const [path, { headers }] of PAGES) {
    const policy = new Map(
      headers['content-security-policy']!.split('; ').map((rule) => rule.split(/ (.*)/, 2) as [string, string]),
    );
    assert.equal(policy.get('default-src'), "'none'", path);
    assert.equal(policy.get('script-src'), "'self'", path);
    assert.equal(policy.get('style-src'), "'self'", path);
    assert.equal(policy.get('connect-src'), "'self'", path);
    assert.equal(policy.get('frame-ancestors'), "'none'", path);
    assert.equal(policy.get('require-trusted-types-for'), "'script'", path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
  }
});

test('a file that the browser has is not sent again; the page needs no token, what it shows does', async (t) => {
  const instance = new ScriptedInstance({ workers: 1 });
  t.after(() => instance.close());
  const url = await instance.listen(0, 'a-token-of-a-test');
  const first = await fetch(url);
  assert.equal(first.status, 200);
  assert.match(first.headers.get('content-type')!, /^text\/html/);
  const etag = first.headers.get('etag')!;
  const again = await fetch(url, { headers: { 'if-none-match': etag } });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), '');
  assert.equal(again.headers.get('etag'), etag);
  const other = await fetch(url, { headers: { 'if-none-match': '"other"' } });
  assert.equal(other.status, 200);
  assert.equal((await fetch(`${url}status`)).status, 401);
});
