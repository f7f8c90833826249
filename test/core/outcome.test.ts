import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import { test } from 'node:test';
import { factsOf, OUTCOMES, Outcome } from '../../src/core/outcome.ts';

const names = Object.keys(Outcome) as (keyof typeof Outcome)[];

test('every outcome has a row, under its own number and code', () => {
  assert.equal(OUTCOMES.length, names.length);
  for (const [number, name] of names.entries()) {
    assert.equal(Outcome[name], number);
    const code = name === 'None' ? 'UNFINISHED' : name.replace(/(?<!^)[A-Z]/g, '_$&').toUpperCase();
    assert.equal(factsOf(Outcome[name]).code, `EVENER_${code}`);
  }
});

test('codes and flags are unique', () => {
  assert.equal(new Set(OUTCOMES.map((facts) => facts.code)).size, OUTCOMES.length);
  assert.equal(new Set(OUTCOMES.map((facts) => facts.flag)).size, OUTCOMES.length);
});

test('every row is complete, and cannot be changed', () => {
  for (const facts of OUTCOMES) {
    assert.ok(facts.status === 0 || STATUS_CODES[facts.status] !== undefined, facts.code);
    assert.match(facts.flag, /^[A-Za-z.-]$/, facts.code);
    assert.match(facts.meaning, /^[a-z][\x20-\x7e]+[^.]$/, facts.code);
    assert.ok(['none', 'client', 'balancer', 'endpoint'].includes(facts.side), facts.code);
    assert.ok(['never', 'if-not-begun-or-safe', 'any-method'].includes(facts.retry), facts.code);
    assert.ok(Object.isFrozen(facts));
  }
});

test('what clients are told fits workers and servers, but where it is about workers', () => {
  for (const { code, status, meaning } of OUTCOMES) {
    const isOfWorkers = status > 0 && /worker(?! or server)/.test(meaning);
    assert.equal(isOfWorkers, code === 'EVENER_QUARANTINED', code);
  }
});

test('the status tells whose fault it was', () => {
  for (const { code, status, side } of OUTCOMES) {
    if (status === 0) continue;
    // RFC 9110 sections 15.6.2 and 15.6.6: a client that asks for what we cannot is answered with a 5xx.
    if (side === 'client') assert.ok((status >= 400 && status < 500) || status === 501 || status === 505, code);
    else if (side === 'balancer') assert.equal(status, 503, code);
    else assert.ok(side === 'endpoint' && (status === 502 || status === 504), code);
  }
});

test('only what an endpoint caused is ever run again', () => {
  for (const { code, side, retry } of OUTCOMES) assert.ok(retry === 'never' || side === 'endpoint', code);
  assert.equal(factsOf(Outcome.EndpointReset).retry, 'if-not-begun-or-safe');
});
