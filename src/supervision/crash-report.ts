import { exitText } from './boot-failure.ts';
import { type PrintedError, printedError } from './printed-error.ts';
import type { Dismissal, WorkerExit } from './worker-process.ts';

/** What a worker died of. */
export type CrashKind =
  /** An exception or rejection that nobody caught. */
  | 'uncaught'
  /** V8's own limit of memory (`--max-old-space-size`). */
  | 'heap-limit'
  /** The kernel ended it, having no memory left for it: by all that can be told. */
  | 'out-of-memory'
  /** A signal that was not ours. */
  | 'signal'
  /** The app ended by itself. */
  | 'exit'
  /** We ended it, since it did not answer. */
  | 'hung'
  /** We ended it, since its link was gone. */
  | 'unlinked'
  /** We ended it, since it had grown far beyond its limit of memory. */
  | 'too-large';

export interface CrashReport {
  readonly kind: CrashKind;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** What it printed of the error that ended it, or of the last error before it ended; null where there is none. */
  readonly error: PrintedError | null;
  /** Its last lines of output, 50 at most. */
  readonly tail: readonly string[];
}

export interface CrashEvidence {
  readonly exit: WorkerExit;
  /** Why we told it to go, else null. */
  readonly dismissal: Dismissal | null;
  readonly tail: readonly string[];
  readonly cwd: string;
  /** The kernel has ended a process for want of memory since anybody looked last. */
  readonly wasMemoryShort: boolean;
}

/** V8 prints this as the last thing of all. SIGABRT follows; a shell in between makes 134 of it. */
const HEAP_LIMIT = /^FATAL ERROR: .*(heap|Allocation failed)/;
const ABORTED = 134;
const KILLED = 137;

export function crashReport(evidence: CrashEvidence): CrashReport {
  const { exit, dismissal, tail, cwd } = evidence;
  const hasFailed = exit.code !== 0 || exit.signal !== null;
  // What we ended ourselves did not end of what it printed.
  const error = hasFailed && dismissal === null ? printedError(tail, cwd) : null;
  return { kind: kindOf(evidence, error), exitCode: exit.code, signal: exit.signal, error, tail: [...tail] };
}

function kindOf({ exit, dismissal, tail, wasMemoryShort }: CrashEvidence, error: PrintedError | null): CrashKind {
  if (dismissal === 'hung' || dismissal === 'unlinked' || dismissal === 'too-large') return dismissal;
  const { code, signal } = exit;
  if ((signal === 'SIGABRT' || code === ABORTED) && tail.some((line) => HEAP_LIMIT.test(line))) return 'heap-limit';
  if (wasMemoryShort && (signal === 'SIGKILL' || code === KILLED)) return 'out-of-memory';
  if (signal !== null) return 'signal';
  return error?.isUncaught ? 'uncaught' : 'exit';
}

/** In a few words: `exit code 1, lib/cart.js:12: TypeError: x is not a function`. */
export function crashText(exit: WorkerExit, report: CrashReport): string {
  switch (report.kind) {
    case 'hung':
      return 'it hung and was ended';
    case 'unlinked':
      return 'it lost its link and was ended';
    case 'too-large':
      return 'it had grown far beyond its limit of memory and was ended';
    case 'heap-limit':
      return `${exitText(exit)}, JavaScript heap out of memory (its limit is --max-old-space-size)`;
    case 'out-of-memory':
      return `${exitText(exit)}, by the kernel, which was out of memory`;
    case 'signal':
    case 'exit':
      return exitText(exit);
    case 'uncaught':
      return report.error === null ? exitText(exit) : `${exitText(exit)}, ${report.error.text}`;
  }
}
