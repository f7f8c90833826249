/** The app's process of a group of behaviours: serves all of them at once. Arguments: the group's name, a folder. */
import { mkdirSync } from 'node:fs';
import type net from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Behaviour } from './behaviour.ts';

const [, , group, folder] = process.argv;

function print(behaviour: string, what: string, value: unknown): void {
  process.stdout.write(`${JSON.stringify([behaviour, what, value ?? null])}\n`);
}

const { BEHAVIOURS } = (await import(`../behaviours/${group}.js`)) as { BEHAVIOURS: readonly Behaviour[] };
const major = Number.parseInt(process.versions.node, 10);
// The process outlives its servers.
setInterval(() => {}, 1_000_000);

for (const [index, { name, serve, since }] of BEHAVIOURS.entries()) {
  if (since !== undefined && major < since) continue;
  const own = join(folder!, String(index));
  const tell = (what: string, value?: unknown): void => print(name, what, value);
  await serve({
    get folder() {
      mkdirSync(own, { recursive: true });
      return own;
    },
    tell,
    listen<S extends net.Server>(server: S): S {
      server.listen(0, '127.0.0.1', () => tell('port', (server.address() as AddressInfo).port));
      return server;
    },
  });
}
print('ready', '', null);
