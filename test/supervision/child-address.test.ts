import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutDescriptors } from '../support/without-descriptors.ts';

test('a child gets an address also where no descriptor is left to look for a port with', async () => {
  const { href } = new URL('../../src/supervision/child-address.js', import.meta.url);
  const said = await withoutDescriptors(`
    import { ChildAddresses } from '${href}';
    const addresses = new ChildAddresses('/tmp');
    take();
    const { url } = addresses.allocate('port');
    release();
    console.log(url);
  `);
  assert.match(said, /^http:\/\/127\.0\.0\.1:\d+\n$/);
});
