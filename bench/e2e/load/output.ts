/** What a load generator printed, read as JSON with every field checked. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** The object that the text holds; throws with the text when it holds none. */
export function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Reported below, with the text.
  }
  throw new Error(`expected a JSON object, got: ${text.slice(0, 500)}`);
}

/** A number in it; throws when it is none. */
export function field(object: JsonObject, name: string): number {
  const value = object[name];
  if (typeof value !== 'number') throw new Error(`expected a number as ${name}, got ${String(value)}`);
  return value;
}

/** An object in it, empty when there is none. */
export function section(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}
