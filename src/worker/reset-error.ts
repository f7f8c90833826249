import { constants } from 'node:os';

/** What Node's own sockets are destroyed with when the client resets the connection. */
export function resetError(): Error {
  return Object.assign(new Error('read ECONNRESET'), {
    errno: -constants.errno.ECONNRESET,
    code: 'ECONNRESET',
    syscall: 'read',
  });
}
