/** More of a value is not shown. Characters. */
const MOST = 200;

/** A value that was refused, as its refusal shows it. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  const text = textOf(value);
  return text.length > MOST ? `${text.slice(0, MOST)}...` : text;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // It refers to itself, or is deeper than the stack.
    return typeof value === 'bigint' ? String(value) : 'what cannot be written as JSON';
  }
}
