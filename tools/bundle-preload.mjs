/**
 * Puts the preload into one CommonJS file, for `--require`: `node tools/bundle-preload.mjs <folder>`, beside the modules that
 * were compiled from src. Part of `npm run build` and `npm run build:test`.
 */
import { build } from 'esbuild';

const ROOT = new URL('..', import.meta.url);
const [, , folder] = process.argv;

await build({
  absWorkingDir: ROOT.pathname,
  entryPoints: ['src/worker/preload.ts'],
  outfile: `${folder}/worker/preload.cjs`,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  banner: { js: "const ownUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { 'import.meta.url': 'ownUrl' },
  sourcemap: 'linked',
  logLevel: 'warning',
});
