/**
 * Methods travel as the numbers that Node's parser (llhttp) gives them, since its callbacks in the worker take numbers.
 * llhttp only ever appends to its list.
 */
export const LLHTTP_METHODS: readonly string[] = (
  'DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND REBIND ' +
  'UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK ' +
  'UNLINK SOURCE PRI DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER REDIRECT RECORD FLUSH QUERY'
).split(' ');

export function methodName(code: number): string {
  return LLHTTP_METHODS[code] ?? 'UNKNOWN';
}
