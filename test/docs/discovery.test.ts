import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import type { EvenerOptions } from '../../src/config/options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { isSource, parseSource } from '../../src/config/source.ts';
import { parseServerList } from '../../src/discovery/file-source.ts';
import { METRICS } from '../../src/observability/metric-table.ts';
import { APPS } from '../support/evener-process.ts';
import { readPage, tableOf } from './pages.ts';

const page = readPage('docs/discovery.md');
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text!);

test('docs/discovery.md: every config file holds', async () => {
  const configs = blocks('ts');
  assert.equal(configs.length, 2);
  for (const text of configs) {
    const module = `data:text/javascript,${encodeURIComponent(text)}`;
    const { default: options } = (await import(module)) as { default: EvenerOptions };
    const app = options.app === undefined ? {} : { app: 'server.cjs', cwd: APPS };
    const resolved = resolveOptions({ ...options, ...app });
    assert.ok(resolved.pools.some(({ sources }) => sources.length > 0) || resolved.register.length > 0);
  }
});

test('docs/discovery.md: every command holds', () => {
  const commands = [...page.matchAll(/^ {4}evener (.+)$/gm)].map(([, words]) => words!.split(' '));
  assert.equal(commands.length, 2);
  for (const words of commands) {
    const request = parseCommandLine(words);
    assert.ok(request.kind === 'run' && resolveOptions(request.options).pools[0]!.sources.length === 1);
  }
});

test('docs/discovery.md: every place and every list in a file can be read', () => {
  const places = [...page.matchAll(/(?<![\w/])(?:file|dns|dns\+srv|etcds?|k8s):(?:\/\/)?[\w.][^\s`')]*/g)].map(
    ([place]) => place,
  );
  assert.ok(places.length >= 10, places.join(' '));
  for (const place of places.filter((one) => !/^k8s:\/\/namespace|^dns:\/\/name|^dns\+srv:\/\/name/.test(one))) {
    assert.ok(isSource(place) && typeof parseSource(place) !== 'string', `${place}: ${String(parseSource(place))}`);
  }
  const [list] = blocks('json');
  const defaults = { url: '', weight: 1, isBackup: false, zone: '' };
  assert.equal(parseServerList(list!, defaults).length, 2);
});

test('docs/discovery.md: parameters of DNS have their defaults', () => {
  const address = parseSource('dns://api:80');
  assert.ok(typeof address !== 'string' && address.kind === 'dns');
  const rows = tableOf(page, ['parameter', 'default', 'meaning']).map(([name, value]) => [name, value]);
  assert.deepEqual(rows, [
    ['`resolver`', "the machine's"],
    ['`maxTtl`', `\`${address.maxTtlMs / 1000}s\``],
    ['`scheme`', '`http`'],
    ['`family`', 'both'],
  ]);
  for (const [, name] of page.matchAll(/`(evener_source_\w+)`/g)) assert.ok(name! in METRICS, name);
});
