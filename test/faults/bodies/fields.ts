import { nameOf, type Part, patternOf } from './pattern.ts';

/** Of one field. */
const MAX_VALUE = 900;

/** Fields that hold so many bytes of pattern. */
export function patternFields(part: Part, id: number, length: number): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (let at = 0; at < length; at += MAX_VALUE) {
    // Each begins anew, with a length of its own, so that none can stand in for another.
    const own = Math.min(MAX_VALUE, length - at) - fields.length;
    if (own > 0) fields.push([`x-pattern-${fields.length}`, patternOf(part, id, own).toString('latin1')]);
  }
  return fields;
}

/** @returns what is wrong with the fields of a message, or null. */
export function wrongFields(
  part: Part,
  id: number,
  length: number,
  fieldOf: (name: string) => string | undefined,
): string | null {
  for (const [name, value] of patternFields(part, id, length)) {
    const got = fieldOf(name);
    if (got !== value) return `${name} of ${nameOf(id)} is ${JSON.stringify(got)} in place of ${JSON.stringify(value)}`;
  }
  return null;
}
