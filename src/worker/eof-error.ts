/** What Node's own parser says of a connection that ends in the middle of a request. */
export function eofError(): Error {
  return Object.assign(new Error('Parse Error'), {
    bytesParsed: 0,
    code: 'HPE_INVALID_EOF_STATE',
    reason: 'Invalid EOF state',
  });
}
