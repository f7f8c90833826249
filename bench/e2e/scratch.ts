/** A private temporary directory for generated configs and bodies, removed when the bench ends. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Scratch {
  readonly path: string = mkdtempSync(join(tmpdir(), 'evener-bench-'));
  #made = 0;

  /** A new empty directory inside. */
  makeDir(name: string): string {
    this.#made += 1;
    const path = join(this.path, `${name}-${this.#made}`);
    mkdirSync(path);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
