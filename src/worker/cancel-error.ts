import { constants } from 'node:os';

const IS_TOLD = Number.parseInt(process.versions.node, 10) >= 22;

/** What Node calls back a write with that its socket did not live to see the end of; before Node 22 with none. */
export function cancelError(): Error | null {
  if (!IS_TOLD) return null;
  return Object.assign(new Error('write ECANCELED'), {
    errno: -constants.errno.ECANCELED,
    code: 'ECANCELED',
    syscall: 'write',
  });
}
