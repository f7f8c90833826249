import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { OPTIONS } from '../../src/config/schema.ts';
import { SECTIONS } from '../../src/config/sections.ts';

const ROOT = new URL('../../../', import.meta.url);

interface Schema {
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly additionalProperties: unknown;
}

test('the JSON schema has every option, with its meaning and default', () => {
  execFileSync(process.execPath, ['tools/write-config-schema.mjs'], { cwd: ROOT });
  const schema = JSON.parse(readFileSync(new URL('dist/evener.schema.json', ROOT), 'utf8')) as Schema;
  for (const { key, meaning, default: byDefault } of OPTIONS) {
    const property = schema.properties[key]!;
    assert.equal(property.description, meaning, key);
    assert.equal(property.default ?? null, byDefault, key);
    assert.ok('type' in property || 'enum' in property || 'anyOf' in property, `${key} says nothing of its value`);
  }
  for (const { key, meaning } of SECTIONS) {
    const property = schema.properties[key]!;
    assert.equal(property.description, meaning, key);
    assert.ok(
      'type' in property || 'anyOf' in property || 'enum' in property || '$ref' in property,
      `${key} says nothing of its value`,
    );
  }
  assert.equal(schema.additionalProperties, false);
  const app = (schema.properties.apps!.additionalProperties ?? {}) as Schema;
  assert.ok('workers' in app.properties && 'route' in app.properties && !('threads' in app.properties));
  const pool = (schema.properties.pools!.additionalProperties ?? {}) as Schema;
  assert.ok('servers' in pool.properties && !('workers' in pool.properties));
});
