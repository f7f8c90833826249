import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import { before, test } from 'node:test';
import { methodName } from '../../src/http1/method-names.ts';
import { isSafe, methodCode, UNKNOWN_METHOD } from '../../src/http1/methods.ts';
import { NodeParser } from './node-parser.ts';

let node: NodeParser;
before(async () => {
  node = await NodeParser.find();
});

function codeOf(name: string): number {
  return methodCode(Buffer.from(`  ${name} `, 'latin1'), 2, 2 + name.length);
}

test('every method has the number that this Node gives it', () => {
  for (const name of METHODS) {
    const target = name === 'CONNECT' ? 'a:1' : '/';
    const { head } = node.read(Buffer.from(`${name} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`));
    assert.equal(codeOf(name), head?.method, name);
    assert.equal(methodName(codeOf(name)), name);
  }
});

test('what Node does not list is unknown', () => {
  for (const name of [
    '',
    'G',
    'GE',
    'GETT',
    'get',
    'POSt',
    'POSTS',
    'BREW',
    'DESCRIBE',
    'PRI',
    'X'.repeat(5000),
    '\xe9',
  ]) {
    assert.equal(codeOf(name), UNKNOWN_METHOD, name);
  }
  assert.equal(methodName(UNKNOWN_METHOD), 'UNKNOWN');
});

test('GET, HEAD and OPTIONS are safe, and nothing else', () => {
  assert.deepEqual(
    METHODS.filter((name) => isSafe(codeOf(name))),
    ['GET', 'HEAD', 'OPTIONS'],
  );
  assert.ok(!isSafe(UNKNOWN_METHOD));
});
