import { isAbsolute, relative } from 'node:path';
import { durationText } from '../core/duration-text.ts';
import type { ListenFailure, WorkerExit } from './worker-process.ts';

/** Why a worker did not come up. */
export interface BootFailure {
  /** One sentence or two, with the way out where there is one. */
  readonly reason: string;
  /** True where another try ends the same way, so that a first start is given up at once. */
  readonly isHopeless: boolean;
}

export interface BootEvidence {
  readonly exit: WorkerExit;
  /** The last port that it could not open, else null. */
  readonly listenFailure: ListenFailure | null;
  /** Its last lines of output. */
  readonly tail: readonly string[];
  /** What it has not done though it listened, as in `did not ...`, else null. */
  readonly held: string | null;
  /** The limit that it exceeded, else null. ms */
  readonly timedOutAfterMs: number | null;
  /** As the user wrote it: `server.js`, `npm start`. */
  readonly app: string;
  readonly cwd: string;
}

/** Errors that a second run of the same file repeats. */
const HOPELESS_ERROR =
  /^(?:\w+\s)?(?:SyntaxError\b|Error: Cannot find module|Error \[ERR_(?:MODULE_NOT_FOUND|UNKNOWN_FILE_EXTENSION|PACKAGE_PATH_NOT_EXPORTED|REQUIRE_ESM|UNSUPPORTED_DIR_IMPORT|INVALID_PACKAGE_CONFIG)\]|TypeError \[ERR_UNKNOWN_FILE_EXTENSION\])/;
const ERROR_LINE = /^(?:Uncaught )?\w*(?:Error|Exception)\b.*: /;
/** Lines between the place of an error and the error: the source, the mark, an empty one; more for long sources. */
const PLACE_REACH = 8;
/** Shells say so when a package's script names a command that is not there. sh(1): exit code 127 */
const COMMAND_NOT_FOUND = 127;

export function bootFailure(evidence: BootEvidence): BootFailure {
  const { exit, listenFailure, timedOutAfterMs, app } = evidence;
  if (exit.spawnFailure !== null)
    return { reason: `${app} could not be started: ${exit.spawnFailure}`, isHopeless: false };
  if (listenFailure !== null) return { reason: portReason(listenFailure), isHopeless: true };
  if (timedOutAfterMs !== null) {
    const { held } = evidence;
    if (held !== null) return { reason: `${app} ${held} within ${durationText(timedOutAfterMs)}`, isHopeless: false };
    const reason =
      `${app} did not listen on a port within ${durationText(timedOutAfterMs)}; ` +
      'if it needs longer, give it more with --boot-timeout';
    return { reason, isHopeless: false };
  }
  if (exit.code === 0) {
    const reason =
      `${app} ended without listening on a port (exit code 0); ` +
      'Evener runs servers: is this the script that calls listen()?';
    return { reason, isHopeless: true };
  }
  const error = errorIn(evidence.tail, evidence.cwd);
  const ending = exitText(exit);
  return {
    reason: error === null ? `${app} ended before it listened: ${ending}` : `${app} failed to start: ${error.text}`,
    isHopeless: error?.isHopeless === true || exit.code === COMMAND_NOT_FOUND,
  };
}

/** `exit code 1` or `signal SIGKILL`. */
export function exitText(exit: WorkerExit): string {
  if (exit.spawnFailure !== null) return exit.spawnFailure;
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

function portReason({ code, address, port }: ListenFailure): string {
  switch (code) {
    case 'EADDRINUSE':
      return port <= 0 && address !== null
        ? `${address} is in use by another process; stop that one, or let the app listen elsewhere`
        : `port ${port} is in use by another process; stop that one, or choose another port with --port`;
    case 'EACCES':
      if (port <= 0) return `${address} may not be opened by this user; let the app listen elsewhere`;
      return (
        `port ${port} may not be opened by this user${port < 1024 ? ' (ports below 1024 are reserved)' : ''}; ` +
        'choose a port from 1024 up with --port, or grant the right to Node (setcap cap_net_bind_service=+ep)'
      );
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine, so port ${port} cannot be opened on it`;
    default:
      return `${port <= 0 ? address : `port ${port}`} cannot be opened: ${code}`;
  }
}

/**
 * The error that ended a Node process, from what Node prints for it: `file:line`, the line itself, a mark under it, and
 * then the error with its stack. The last one that comes with a place, else the last one.
 */
function errorIn(tail: readonly string[], cwd: string): { text: string; isHopeless: boolean } | null {
  const errors = tail.flatMap((line, at) => (ERROR_LINE.test(line) ? [at] : [])).reverse();
  const placed = errors.find((at) => placeAbove(tail, at) !== null);
  const at = placed ?? errors[0];
  if (at === undefined) return null;
  const error = tail[at]!;
  const place = placeAbove(tail, at);
  const where = place === null || place.path.startsWith('node:') ? '' : `${shortPath(place.path, cwd)}:${place.line}: `;
  return { text: where + error, isHopeless: HOPELESS_ERROR.test(error) };
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
