import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** In its scope: release() closes what takes all descriptors. */
const ALL_TAKEN = `
import { closeSync, openSync } from 'node:fs';
const taken = [];
const release = () => taken.splice(0).forEach((descriptor) => closeSync(descriptor));
const take = () => {
  try {
    for (;;) taken.push(openSync('/dev/null'));
  } catch {}
};
`;

/**
 * Runs a module in a process that has 64 descriptors, which `take()` takes and `release()` gives back.
 * @returns what it prints, errors included
 */
export async function withoutDescriptors(script: string): Promise<string> {
  const own = [process.execPath, '--input-type=module', '-e', ALL_TAKEN + script];
  const child = spawn('/bin/sh', ['-c', 'ulimit -n 64; exec "$@" 2>&1', 'sh', ...own], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return said;
}
