import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helpText } from '../../src/cli/help.ts';
import { OPTIONS } from '../../src/index.ts';

test('names every option with its short form, meaning and default', () => {
  const text = helpText();
  for (const spec of OPTIONS) {
    if (spec.flag === null) continue;
    const line = text.split('\n').find((one) => /^ {2}(-\w, | {4})--/.test(one) && one.includes(`--${spec.flag} `))!;
    assert.ok(line.includes(spec.meaning), spec.flag);
    assert.ok(line.includes(`(default: ${spec.default ?? spec.unset})`), spec.flag);
    if (spec.short !== null) assert.ok(line.includes(`-${spec.short}, `), spec.flag);
  }
});

test('fits a terminal of 120 columns', () => {
  for (const line of helpText().split('\n')) assert.ok(line.length <= 120, line);
});
