import assert from 'node:assert/strict';
import test from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';

test('the hooks of --require hold for the app’s entry point', async (t) => {
  const words = ['--', process.execPath, '--require', './hooked/hook.cjs', 'hooked/app.greeting'];
  const evener = new EvenerProcess(t, ['-w', '1', ...words]);
  assert.equal((await request(await evener.url(1))).body, 'hello from a file of another kind');
});

for (const [form, words] of [
  ['a script', ['children.cjs', '-w', '1']],
  ['a command', ['-w', '1', '--', process.execPath, 'children.cjs']],
] as const) {
  test(`${form}: neither the app nor its children and threads see what Evener put into it`, async (t) => {
    const evener = new EvenerProcess(t, words);
    const [own, born, made] = JSON.parse((await request(await evener.url(1))).body) as Record<string, unknown>[];
    assert.deepEqual(own, { execArgv: [], nodeOptions: null, debugPort: 0, link: null });
    assert.deepEqual(born, { execArgv: [], nodeOptions: null, debugPort: 9229, link: null });
    assert.deepEqual(made, born);
  });

  test(`${form}: ends by itself once its server has closed, though it listens for messages`, async (t) => {
    const evener = new EvenerProcess(t, words);
    await evener.url(1);
    evener.kill('SIGTERM');
    assert.equal((await evener.ended).code, 0);
    assert.match(evener.stdout, /ended by itself: 0/);
  });
}
