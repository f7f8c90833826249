/**
 * Looks up single values in a request's head as it was received: latin1, from the request line to the CRLF of the last
 * field. For what only some users ask for; nothing here runs for a request unless they do.
 */

/** The values of a field, in order, without the white space around them. @param name in lower case */
export function fieldValues(lines: string, name: string): string[] {
  const values: string[] = [];
  for (let at = lines.indexOf('\r\n'); at !== -1; ) {
    const start = at + 2;
    const end = lines.indexOf('\r\n', start);
    const line = end === -1 ? lines.slice(start) : lines.slice(start, end);
    if (line.charCodeAt(name.length) === 0x3a && line.slice(0, name.length).toLowerCase() === name) {
      values.push(line.slice(name.length + 1).trim());
    }
    at = end;
  }
  return values;
}

/** The values of a cookie: browsers send one for each path that they have one for (RFC 6265 section 5.4). */
export function cookieValues(lines: string, name: string): string[] {
  const values: string[] = [];
  for (const field of fieldValues(lines, 'cookie')) {
    for (const pair of field.split(';')) {
      const equals = pair.indexOf('=');
      if (equals !== -1 && pair.slice(0, equals).trim() === name) values.push(unquoted(pair.slice(equals + 1).trim()));
    }
  }
  return values;
}

/** A parameter of the target's query, decoded; null where it is not there. */
export function queryValue(target: string, name: string): string | null {
  const query = target.indexOf('?');
  if (query === -1) return null;
  for (const pair of target.slice(query + 1).split('&')) {
    const equals = pair.indexOf('=');
    if (equals === -1 ? pair === name : pair.slice(0, equals) === name) {
      return equals === -1 ? '' : decoded(pair.slice(equals + 1));
    }
  }
  return null;
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function decoded(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
