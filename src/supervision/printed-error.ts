import { isAbsolute, relative } from 'node:path';

/** Errors that a second run of the same file repeats. */
const HOPELESS_ERROR =
  /^(?:\w+\s)?(?:SyntaxError\b|Error: Cannot find module|Error \[ERR_(?:MODULE_NOT_FOUND|UNKNOWN_FILE_EXTENSION|PACKAGE_PATH_NOT_EXPORTED|REQUIRE_ESM|UNSUPPORTED_DIR_IMPORT|INVALID_PACKAGE_CONFIG)\]|TypeError \[ERR_UNKNOWN_FILE_EXTENSION\])/;
const ERROR_LINE = /^(?:Uncaught )?\w*(?:Error|Exception)\b.*: /;
/** Lines between the place of an error and the error: the source, the mark, an empty one; more for long sources. */
const PLACE_REACH = 8;
/** Node prints its version under the error that ends it, and under no other. */
const FOOTER = /^Node\.js v\d+\./;
const MAX_STACK_LINES = 20;

/** An error as a Node process printed it. */
export interface PrintedError {
  /** With its place where there is one: `lib/routes.js:12: TypeError: x is not a function`. */
  readonly text: string;
  /** The lines under it that belong to it, as printed, 20 at most. */
  readonly stack: readonly string[];
  /** Another run of the same file ends the same way. */
  readonly isHopeless: boolean;
  /** It is what ended the process: nobody caught it. */
  readonly isUncaught: boolean;
}

/**
 * The error that ended a Node process, from what Node prints for it: `file:line`, the line itself, a mark under it, and
 * then the error with its stack. The last one that comes with a place, else the last one.
 * @param tail the last lines of its output
 * @param cwd paths are told from here
 */
export function printedError(tail: readonly string[], cwd: string): PrintedError | null {
  const errors = tail.flatMap((line, at) => (ERROR_LINE.test(line) ? [at] : [])).reverse();
  const placed = errors.find((at) => placeAbove(tail, at) !== null);
  const at = placed ?? errors[0];
  if (at === undefined) return null;
  const error = tail[at]!;
  const place = placeAbove(tail, at);
  const where = place === null || place.path.startsWith('node:') ? '' : `${shortPath(place.path, cwd)}:${place.line}: `;
  return {
    text: where + error,
    stack: stackUnder(tail, at),
    isHopeless: HOPELESS_ERROR.test(error),
    isUncaught: tail.slice(at).some((line) => FOOTER.test(line)),
  };
}

/** Frames, and the causes and properties that Node prints after them, up to an empty line. */
function stackUnder(tail: readonly string[], error: number): string[] {
  const stack: string[] = [];
  for (const line of tail.slice(error + 1)) {
    if (line === '' || FOOTER.test(line) || stack.length === MAX_STACK_LINES) break;
    stack.push(line);
  }
  return stack;
}

function placeAbove(tail: readonly string[], at: number): { path: string; line: string } | null {
  for (let above = at - 1; above >= 0 && above >= at - PLACE_REACH; above--) {
    const match = /^(?:file:\/\/)?((?:\/|node:).+):(\d+)$/.exec(tail[above]!);
    if (match !== null) return { path: match[1]!, line: match[2]! };
  }
  return null;
}

function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, decodeURI(path));
  return short.startsWith('..') || isAbsolute(short) ? path : short;
}
