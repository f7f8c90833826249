import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as format from '../../src/dashboard/page/format.ts';

const VECTORS: readonly (readonly [string, string])[] = [
  [format.rateText(0), '0'],
  [format.rateText(0.26), '0.3'],
  [format.rateText(9.96), '10'],
  [format.rateText(1204.4), '1,204'],
  [format.latencyText(null), '–'],
  [format.latencyText(0.418), '0.42 ms'],
  [format.latencyText(9.996), '10.0 ms'],
  [format.latencyText(12.54), '12.5 ms'],
  [format.latencyText(99.96), '100 ms'],
  [format.latencyText(340.2), '340 ms'],
  [format.latencyText(999.6), '1.0 s'],
  [format.latencyText(12_400), '12 s'],
  [format.bytesText(null), '–'],
  [format.bytesText(980), '980 B'],
  [format.bytesText(64_200), '64 kB'],
  [format.bytesText(84_230_000), '84.2 MB'],
  [format.bytesText(512_000_000), '512 MB'],
  [format.bytesText(1_250_000_000), '1.25 GB'],
  [format.durationText(12.9), '12 s'],
  [format.durationText(245), '4 min 5 s'],
  [format.durationText(7200), '2 h'],
  [format.durationText(1_051_200), '12 d 4 h'],
  [format.spanText(340.4), '340 ms'],
  [format.spanText(10_240), '10.2 s'],
  [format.counted(1, 'worker'), '1 worker'],
  [format.counted(1200, 'worker'), '1,200 workers'],
  [format.agoText('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:02Z')), 'just now'],
  [format.agoText('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:04:05Z')), '4 min ago'],
  [format.agoText('2026-01-01T00:00:00Z', Date.parse('2026-01-03T04:00:00Z')), '2 d ago'],
];

test('figures are written as people read them', () => {
  for (const [text, wanted] of VECTORS) assert.equal(text, wanted);
});
