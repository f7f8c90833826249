import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfigFile } from '../../src/config/load-file.ts';

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
