/** Splits field lines, already checked by the balancer, into Node's list of names and values. */
export function fieldsOf(lines: string, from: number): string[] {
  const fields: string[] = [];
  let at = from;
  while (at < lines.length) {
    const colon = lines.indexOf(':', at);
    let end = lines.indexOf('\r\n', colon);
    if (colon === -1 || end === -1) break;
    const next = end + 2;
    let start = colon + 1;
    while (start < end && isBlank(lines.charCodeAt(start))) start++;
    while (end > start && isBlank(lines.charCodeAt(end - 1))) end--;
    fields.push(lines.slice(at, colon), lines.slice(start, end));
    at = next;
  }
  return fields;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
