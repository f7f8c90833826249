/**
 * Puts the scripts that are run into few files each, in dist: to load 170 modules one by one takes longer than all else that
 * a start does. What two of them share lies in dist/chunks. Part of `npm run build`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** Libraries of which we use little, and in every start: of 206 KiB, 17. */
const BUNDLED = ['valibot'];

const ROOT = new URL('..', import.meta.url);
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));

// What is started or imported by its name. The tables of config are read by other tools, too.
const ENTRIES = [
  'index',
  'cli/main',
  'balancer/main',
  'clients/socket-holder-process',
  'supervision/guard-process',
  'loopback/preload',
  'loopback/balancer-thread',
  'config/schema',
  'config/sections',
];

await build({
  absWorkingDir: ROOT.pathname,
  entryPoints: ENTRIES.map((name) => `src/${name}.ts`),
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  external: Object.keys(dependencies).filter((name) => !BUNDLED.includes(name)),
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: 'linked',
  logLevel: 'warning',
});

const licenses = BUNDLED.map((name) => {
  const license = readFileSync(new URL(`node_modules/${name}/LICENSE.md`, ROOT), 'utf8');
  return `Parts of ${name} are in dist/chunks.\n\n${license}`;
});
writeFileSync(new URL('dist/THIRD-PARTY-LICENSES.txt', ROOT), licenses.join('\n\n'));
