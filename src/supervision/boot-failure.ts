import { durationText } from '../core/duration-text.ts';
import { printedError } from './printed-error.ts';
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
  /** Ports that it listened on where nobody saw it. */
  readonly ownPorts: readonly number[];
  /** Its environment says where it is to listen. */
  readonly isToldWhere: boolean;
  /** The limit that it exceeded, else null. ms */
  readonly timedOutAfterMs: number | null;
  /** As the user wrote it: `server.js`, `npm start`. */
  readonly app: string;
  readonly cwd: string;
}

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
    if (evidence.ownPorts.length > 0) return { reason: ownPortsReason(evidence), isHopeless: false };
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
  const error = printedError(evidence.tail, evidence.cwd);
  const ending = exitText(exit);
  return {
    reason: error === null ? `${app} ended before it listened: ${ending}` : `${app} failed to start: ${error.text}`,
    isHopeless: error?.isHopeless === true || exit.code === COMMAND_NOT_FOUND,
  };
}

/** Evener sees what Node's own net listens on, in the main thread of a process that has its preload. */
function ownPortsReason({ app, ownPorts, isToldWhere }: BootEvidence): string {
  const what = `${app} listens on port ${ownPorts.join(', ')}`;
  return isToldWhere
    ? `${what}, and not where PORT and HOST of its environment say`
    : `${what}, where Evener does not see it: in a thread of its own, or by a native server; ` +
        "let it listen on PORT of its environment, and set protocol: 'http' in the config file";
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
