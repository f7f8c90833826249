import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationText } from '../../src/core/duration-text.ts';
import { nearestName } from '../../src/core/nearest-name.ts';

test('finds the name that was probably meant', () => {
  const known = ['workers', 'port', 'queueLimit', 'queueTimeout'];
  const vectors: [string, string | null][] = [
    ['worker', 'workers'],
    ['wrokers', 'workers'],
    ['prot', null],
    ['pork', 'port'],
    ['queuelimit', 'queueLimit'],
    ['queue', 'queueLimit'],
    ['colour', null],
    ['', null],
  ];
  for (const [name, expected] of vectors) assert.equal(nearestName(name, known), expected, name);
  assert.equal(nearestName('workers', []), null);
});

test('tells lengths of time to people', () => {
  const vectors: [number, string][] = [
    [0, '0 ms'],
    [84.6, '85 ms'],
    [1000, '1 s'],
    [1500, '1.5 s'],
    [10_000, '10 s'],
    [119_000, '119 s'],
    [120_000, '2 min'],
    [150_000, '2.5 min'],
  ];
  for (const [ms, expected] of vectors) assert.equal(durationText(ms), expected);
});
