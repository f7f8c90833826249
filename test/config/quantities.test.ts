import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration, parseSize } from '../../src/config/quantities.ts';

test('reads durations', () => {
  const vectors: [string, number | null][] = [
    ['10s', 10_000],
    ['500ms', 500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1.5s', 1500],
    ['250', 250],
    ['0', 0],
    ['10 s', 10_000],
    ['10S', 10_000],
    ['', null],
    ['s', null],
    ['-1s', null],
    ['1e3', null],
    ['10x', null],
    ['ten', null],
    ['1s2', null],
  ];
  for (const [text, expected] of vectors) assert.equal(parseDuration(text), expected, text);
});

test('reads sizes', () => {
  const vectors: [string, number | null][] = [
    ['512MB', 512_000_000],
    ['1GiB', 1_073_741_824],
    ['100kb', 100_000],
    ['64KiB', 65_536],
    ['1024', 1024],
    ['0.5GB', 500_000_000],
    ['', null],
    ['1M', null],
    ['1TB', null],
    ['big', null],
  ];
  for (const [text, expected] of vectors) assert.equal(parseSize(text), expected, text);
});
