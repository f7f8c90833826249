import { test } from 'node:test';
import { verb } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';

for (const how of ['reload', 'stop']) {
  test(`what a handler does behind its answer is not cut off: ${how}`, async (t) => {
    const evener = new EvenerProcess(t, ['works-on.cjs', '-w', '1', '--threads', '2']);
    const url = await evener.url();
    await request(`${url}/works`);
    if (how === 'reload') void verb(evener, ['reload']);
    else evener.kill('SIGTERM');
    await evener.said(/worked/);
    await evener.said(/finished \/works/);
  });
}
