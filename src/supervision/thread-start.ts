import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';

/**
 * Heap of a thread, in MiB: a quarter of the memory at hand, within these. A thread that reaches it ends by itself, with
 * an error that says so, and is restarted. Without a limit of its own V8 may let it grow until the kernel ends the process.
 * An idle connection takes less than 8 KiB, so that the least is enough for 30,000 of them.
 */
const MIN_HEAP_MIB = 256;
const MAX_HEAP_MIB = 2_048;
const HEAP_SHARE = 0.25;

/** Of thread 0, whose code is being loaded; what it is to do comes later. */
let ahead: { readonly script: string; readonly worker: Worker } | null = null;

/**
 * Starts thread 0 before it is known what it is to do: it loads its code beside ours, which takes as long as all else that
 * a start does. The process may end without having used it.
 */
export function startThreadAhead(script: URL): void {
  let worker: Worker;
  try {
    worker = makeThread(script, 0, ownHeapMib());
  } catch {
    // No more threads are allowed. Where one is needed, making it tells what is wrong.
    return;
  }
  ahead = { script: script.href, worker };
  worker.unref();
  // Another is made in its place, which tells what is wrong.
  worker.once('error', forget);
  worker.once('exit', forget);
}

/** A thread that has yet to be told, by its first message, what it is to do. */
export function startThread(script: URL, index: number, heapMib: number | null): Worker {
  if (ahead === null || index !== 0 || heapMib !== null || ahead.script !== script.href) {
    return makeThread(script, index, heapMib ?? ownHeapMib());
  }
  const { worker } = ahead;
  forget();
  worker.off('error', forget);
  worker.off('exit', forget);
  worker.ref();
  return worker;
}

/** @param bytes of memory at hand */
export function heapMibFor(bytes: number): number {
  return Math.round(Math.min(MAX_HEAP_MIB, Math.max(MIN_HEAP_MIB, (bytes / 2 ** 20) * HEAP_SHARE)));
}

function makeThread(script: URL, index: number, heapMib: number): Worker {
  const options = {
    name: `evener-balancer-${index}`,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMib },
  };
  const given = process.env.NODE_OPTIONS ?? '';
  const kept = withoutPreloads(given);
  if (kept === given) return new Worker(script, options);
  try {
    return new Worker(script, { ...options, env: { ...process.env, NODE_OPTIONS: kept } });
  } catch {
    // Of options that differ from the process's own, Node takes none that is for processes alone.
    return new Worker(script, options);
  }
}

/**
 * What NODE_OPTIONS loads, such as tracing, is for the app. Here it would be one more agent that tells of the app, of
 * 14 MiB (newrelic) to 44 MiB (OpenTelemetry's), and watch what we do.
 */
function withoutPreloads(options: string): string {
  const words = options.match(WORDS) ?? [];
  return words
    .filter((word, at) => !LOADS.test(word) && !(LOADS.test(words[at - 1] ?? '') && !words[at - 1]!.includes('=')))
    .join(' ');
}

/** A word ends at a space, unless it stands in quotes. */
const WORDS = /(?:"(?:\\.|[^"\\])*"|[^ "])+/g;
const LOADS = /^(?:-r|--require|--import|--(?:experimental[-_])?loader)(?:=|$)/;

function ownHeapMib(): number {
  return heapMibFor(memoryAtHand());
}

/** The machine's, or the control group's where that is less. */
function memoryAtHand(): number {
  // 0, or more than there is, where nothing is constrained.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

function forget(): void {
  ahead = null;
}
