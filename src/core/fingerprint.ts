/**
 * What tells whether two requests are the same: `<target>.<head>`, of which the first part is of method, target and length
 * of the body, and the second of the header fields.
 */
export function joinedFingerprint(target: string, head: string): string {
  return `${target}.${head}`;
}

/** That of all requests for the same, whatever their header fields. */
export function targetFingerprint(fingerprint: string): string {
  return fingerprint.split('.', 1)[0]!;
}
