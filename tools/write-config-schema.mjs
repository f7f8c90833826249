/**
 * Writes dist/evener.schema.json, the JSON schema (https://json-schema.org/draft-07) of the config file, from the tables that
 * the config file is read by. Part of `npm run build`; an editor finds it by "$schema" in evener.config.json.
 */
import { writeFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import { specsOf } from '../dist/config/sections.js';

/** Fields of our own say in their metadata what they take; `anyOf` in it is of valibot schemas where it needs be. */
function schemaOf(field) {
  const choices = field.pipe?.find(({ metadata }) => metadata?.anyOf?.[0]?.kind === 'schema')?.metadata.anyOf;
  if (choices !== undefined) return { anyOf: choices.map(schemaOf) };
  const { $schema, ...schema } = toJsonSchema(field, { typeMode: 'input', errorMode: 'ignore' });
  return schema;
}

function propertiesOf(place) {
  const properties = specsOf(place).map(({ key, field, meaning, default: byDefault }) => {
    return [
      key,
      { ...schemaOf(field), description: meaning, ...(byDefault === undefined ? {} : { default: byDefault }) },
    ];
  });
  return Object.fromEntries(properties);
}

function entriesOf(place, description) {
  const entry = { type: 'object', properties: propertiesOf(place), additionalProperties: false };
  return { type: 'object', description, additionalProperties: entry };
}

const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Evener configuration',
  type: 'object',
  properties: {
    $schema: { type: 'string' },
    ...propertiesOf('instance'),
    apps: entriesOf('apps', 'several apps, by name'),
    pools: entriesOf('pools', 'pools of remote servers, by name'),
  },
  additionalProperties: false,
};
writeFileSync(new URL('../dist/evener.schema.json', import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
