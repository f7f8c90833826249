/** Where things lie. Benches run from `.build/bench/e2e`; apps and results stay in the source tree. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryDir: string = fileURLToPath(new URL('../../../', import.meta.url));
export const resultsDir: string = join(repositoryDir, 'bench/results');
export const docsDir: string = join(repositoryDir, 'docs');
export const evenerPath: string = join(repositoryDir, 'dist/cli/main.js');

/** Path of one of the apps that every system serves alike. */
export function appPath(name: string): string {
  return join(repositoryDir, 'bench/e2e/apps', `${name}.mjs`);
}
