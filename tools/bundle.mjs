/**
 * Puts the scripts that are run into few files each, in dist: to load 170 modules one by one takes longer than all else that
 * a start does. What two of them share lies in dist/chunks. Part of `npm run build`.
 */
import { build } from 'esbuild';

// What is started or imported by its name. The tables of config are read by other tools, too.
const ENTRIES = [
  'index',
  'cli/main',
  'balancer/main',
  'worker/preload',
  'supervision/guard-process',
  'loopback/preload',
  'loopback/balancer-thread',
  'config/schema',
  'config/sections',
];

await build({
  absWorkingDir: new URL('..', import.meta.url).pathname,
  entryPoints: ENTRIES.map((name) => `src/${name}.ts`),
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  sourcemap: 'linked',
  logLevel: 'warning',
});
