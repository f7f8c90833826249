import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findConfigFile, loadConfigFile } from '../../src/config/load-file.ts';

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evener-config-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Written, and read. */
async function options(file: string, text: string): Promise<unknown> {
  writeFileSync(file, text);
  return (await loadConfigFile(file)).options;
}

test('a config file is read anew each time, with what it imports, in whatever kind of module', async (context) => {
  const folder = folderFor(context);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  for (const extension of ['ts', 'mts', 'js', 'mjs']) {
    const file = join(folder, `evener.config.${extension}`);
    for (const name of ['a.js', 'b.js']) {
      writeFileSync(join(folder, 'name.js'), `export const name = '${name}';`);
      assert.deepEqual(await options(file, `export default { app: '${name}' };`), { app: name }, file);
      const imported = `import { name } from './name.js'; import { defineConfig } from 'evener'; export default defineConfig({ app: name });`;
      assert.deepEqual(await options(file, imported), { app: name }, file);
      const awaited = `const app = await Promise.resolve('${name}'); export default async () => ({ app });`;
      assert.deepEqual(await options(file, awaited), { app: name }, file);
    }
  }
});

test('a mark at the beginning of a file of JSON is left out', async (context) => {
  const file = join(folderFor(context), 'evener.config.json');
  assert.deepEqual(await options(file, '\uFEFF{"app": "a.js"}'), { app: 'a.js' });
});

test('a config file whose options never come is refused', async (context) => {
  const file = join(folderFor(context), 'evener.config.mjs');
  for (const text of ['export default () => new Promise(() => {})', 'await new Promise(() => {}); export default {}']) {
    writeFileSync(file, text);
    await assert.rejects(loadConfigFile(file, 300), {
      code: 'EVENER_CONFIG_INVALID',
      message: 'evener.config.mjs cannot be read: what it waits for has not come within 300 ms',
    });
  }
});

test('a CommonJS config file is found and read in a package of ES modules', async (context) => {
  const folder = folderFor(context);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  for (const [extension, text] of [
    ['cjs', 'module.exports = { app: "a.js" };'],
    ['cts', 'const options: { app: string } = { app: "a.js" }; export default options;'],
  ] as const) {
    const file = join(folder, `evener.config.${extension}`);
    assert.deepEqual(await options(file, text), { app: 'a.js' });
    assert.equal(findConfigFile(folder), file);
    rmSync(file);
  }
});

test('a config file in a format that is not read is refused, unless there is one that is', (context) => {
  const folder = folderFor(context);
  assert.equal(findConfigFile(folder), null);
  writeFileSync(join(folder, 'evener.config.yaml'), 'app: a.js');
  assert.throws(() => findConfigFile(folder), {
    code: 'EVENER_CONFIG_INVALID',
    message: /^evener\.config\.yaml cannot be read: it has to be one of evener\.config\.ts, .*, evener\.config\.json$/,
  });
  writeFileSync(join(folder, 'evener.config.json'), '{}');
  assert.equal(findConfigFile(folder), join(folder, 'evener.config.json'));
});

test('what is no file, or in a format that is not read, is refused where it is named', async (context) => {
  const folder = folderFor(context);
  mkdirSync(join(folder, 'folder.json'));
  execFileSync('mkfifo', [join(folder, 'pipe.json')]);
  writeFileSync(join(folder, 'options.toml'), 'app = "a.js"');
  for (const [name, message] of [
    ['folder.json', 'folder.json cannot be read: it is a folder'],
    ['/', '/ cannot be read: it is a folder'],
    ['pipe.json', 'pipe.json cannot be read: it is no regular file'],
    [
      'options.toml',
      /^options\.toml cannot be read: it has to be TypeScript, JavaScript or JSON, such as evener\.config/,
    ],
  ] as const) {
    await assert.rejects(loadConfigFile(resolve(folder, name)), { code: 'EVENER_CONFIG_INVALID', message });
  }
});
