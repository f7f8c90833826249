import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Status } from '../../src/control/control-target.ts';
import { openApiDocument } from '../../src/control/openapi.ts';
import { ROUTES } from '../../src/control/routes.ts';
import { adminOf, ask, controlOf } from '../support/control.ts';
import { EvenerProcess } from '../support/evener-process.ts';

interface Schema {
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly $ref?: string;
  readonly enum?: readonly unknown[];
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

test('the document is valid OpenAPI 3.1 and has every route', async () => {
  const document = openApiDocument('1.2.3') as Document;
  const result = await new Validator().validate(
    JSON.parse(JSON.stringify(document)) as Parameters<Validator['validate']>[0],
  );
  assert.deepEqual([result.valid, result.errors], [true, undefined]);
  assert.match(document.openapi, /^3\.1\./);
  for (const { method, path, operation } of ROUTES) {
    const shown = document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    assert.equal(shown?.operationId, operation, `${method} ${path}`);
  }
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, ROUTES.length + 1);
});

test('a running instance serves it, and its status is as it says', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2', '--admin', '0']);
  await evener.url(2);
  const served = await ask(`${await adminOf(evener)}openapi.json`, 'GET');
  const document = JSON.parse(served.body) as Document;
  assert.deepEqual(document, JSON.parse(JSON.stringify(openApiDocument('0.1.0'))));
  const status = await (await controlOf(evener)).get<Status>('/status');
  assert.deepEqual(misfits(status, document.components.schemas.Status!, document), []);
});

/** Where a value has other keys than its schema, or a word that it does not allow. */
function misfits(value: unknown, schema: Schema, document: Document, at: string = 'status'): string[] {
  const resolved = schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1)!]!;
  if (resolved.enum !== undefined) return resolved.enum.includes(value) ? [] : [`${at}: ${value}`];
  if (resolved.items !== undefined) {
    return (value as unknown[]).flatMap((item, i) => misfits(item, resolved.items!, document, `${at}[${i}]`));
  }
  if (resolved.properties === undefined) return [];
  const keys = Object.keys(value as object).sort();
  const known = Object.keys(resolved.properties).sort();
  assert.deepEqual(resolved.required?.toSorted(), known, `${at}: every key is always there`);
  if (keys.join() !== known.join()) return [`${at}: ${keys} instead of ${known}`];
  return Object.entries(value as object).flatMap(([key, one]) =>
    misfits(one, resolved.properties![key]!, document, `${at}.${key}`),
  );
}
