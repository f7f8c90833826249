import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InFlightRequest } from '../channel/messages.ts';
import { isAlive } from '../core/is-alive.ts';
import { findInspector, type OpenInspector } from './inspector-address.ts';
import { InspectorClient, type RawFrame } from './inspector-client.ts';
import { isOwnCode } from './own-preload.ts';
import { catchesSignal, isProcessStopped, lookAtProcess, type ProcessLook } from './process-look.ts';
import { SourceMaps, type StackFrame } from './source-maps.ts';

/** An inspector opens within 20 ms or so; one that has not by then has a machine that starves it, or will not. */
const OPEN_LIMIT_MS = 1_000;
/** From the signal to the stack: 150 to 400 ms, unless the machine has no time for it. */
const STACK_LIMIT_MS = 3_000;
const LEAVE_LIMIT_MS = 300;
const POLL_MS = 50;
/** How often, and for how long, one that has not opened in time is looked for. */
const LATE_LOOK_MS = 500;
const LATE_LIMIT_MS = 600_000;
const MAX_FRAMES = 20;

/** Processes whose inspector is closed as soon as it opens. */
const closedLater = new Set<number>();
/** Those of them that we are connected to just now, for that. */
const beingClosed = new Set<number>();

/** Why there is no stack. */
export type StackRefusal =
  /** SIGSTOP: it answers nobody. */
  | 'stopped'
  /** Somebody debugs it, and would not want to be disturbed. */
  | 'debugger'
  /** It has no handler for SIGUSR1, which would end it: not Node, or Node with --disable-sigusr1. */
  | 'no-inspector'
  /** It is outside JavaScript (a system call, native code), gets no time, or the app listens for SIGUSR1 itself. */
  | 'no-answer'
  /** Its event loop answers: there is nothing to explain. */
  | 'turning';

/** What becomes of the process after it was looked at. */
export type HangPurpose =
  /** It is ended next: its inspector need not be closed again. */
  | 'end'
  /** It goes on, with its inspector closed as before. */
  | 'go-on'
  /** It is not to be disturbed at all. */
  | 'look';

/** What a silent worker is doing. */
export interface HangReport extends ProcessLook {
  /** The innermost first, 20 at most; empty where there are none. */
  readonly frames: readonly StackFrame[];
  /** null where there are frames. */
  readonly withoutFrames: StackRefusal | null;
  /** Of an event the oldest, 100 at most. */
  readonly inFlight: readonly InFlightRequest[];
  readonly inFlightCount: number;
}

export interface HangSubject {
  readonly pid: number;
  /** Node under our preload, whose inspector opens when it is told to. */
  readonly isNode: boolean;
  /** Told when the inspector is about to be opened; hears where it is. */
  expectInspector(onOpen: (url: string) => void): void;
  inFlight(): Promise<readonly InFlightRequest[]>;
}

type Stack = Pick<HangReport, 'frames' | 'withoutFrames'>;

/**
 * Finds out what a process does that does not answer. A stalled Node process still opens its inspector on SIGUSR1, on a
 * port of loopback that is closed until then, and tells its stack even within `while (true)`. Takes 1.5 s at most.
 */
export async function explainHang(subject: HangSubject, purpose: HangPurpose): Promise<HangReport> {
  const { pid } = subject;
  // The look comes first for its 100 ms: while the inspector works the process waits.
  const [look, inFlight] = await Promise.all([lookAtProcess(pid), subject.inFlight()]);
  const stack =
    look.activity === 'stopped'
      ? refused('stopped')
      : purpose === 'look'
        ? refused('turning')
        : await stackOf(subject, purpose);
  return { ...look, ...stack, inFlight, inFlightCount: inFlight.length };
}

/** Whether somebody has a debugger attached to it. */
export async function isBeingDebugged(pid: number): Promise<boolean> {
  return (await lookForInspector(pid)).isDebugged;
}

interface InspectorLook {
  /** null = it has none open. */
  readonly open: OpenInspector | null;
  /** Somebody else than we is connected to it. */
  readonly isDebugged: boolean;
}

async function lookForInspector(pid: number): Promise<InspectorLook> {
  const wasOurs = beingClosed.has(pid);
  const open = await findInspector(pid);
  const own = wasOurs || beingClosed.has(pid) ? 1 : 0;
  return { open, isDebugged: open !== null && open.clients > own };
}

async function stackOf(subject: HangSubject, purpose: HangPurpose): Promise<Stack> {
  // To another program SIGUSR1 means whatever that wants.
  if (!subject.isNode) return refused('no-inspector');
  const deadlineMs = performance.now() + STACK_LIMIT_MS;
  const { open: existing, isDebugged } = await lookForInspector(subject.pid);
  if (isDebugged) return refused('debugger');
  const opened = existing ?? (await openInspector(subject, purpose));
  const isOurs = existing === null && purpose === 'go-on';
  if (opened === null) {
    if (await isProcessStopped(subject.pid)) return refused('stopped');
    return refused((await catchesSignal(subject.pid, constants.signals.SIGUSR1)) ? 'no-answer' : 'no-inspector');
  }
  const left = (): number => deadlineMs - performance.now();
  let isLeft = false;
  try {
    const client = await InspectorClient.connect(opened.url, left());
    const raw = await client.pause(left());
    const frames = raw === null ? null : await framesOf(raw, client);
    isLeft = await client.leave(isOurs, LEAVE_LIMIT_MS);
    return frames === null ? refused('no-answer') : { frames, withoutFrames: null };
  } catch {
    return refused('no-answer');
  } finally {
    if (isOurs && !isLeft) void closeLater(subject.pid, true);
  }
}

/**
 * Closes an inspector that we have asked for, and that nobody waits for any more: one that is blocked outside JavaScript opens it
 * when it goes on, and whoever is on the same machine could do with the process as he likes.
 * @param hasOpened it has been open; otherwise it may yet be
 */
async function closeLater(pid: number, hasOpened: boolean): Promise<void> {
  if (closedLater.has(pid)) return;
  closedLater.add(pid);
  const endMs = performance.now() + LATE_LIMIT_MS;
  let wasOpen = hasOpened;
  while (isAlive(pid) && performance.now() < endMs) {
    await sleep(LATE_LOOK_MS, undefined, { ref: false });
    const open = await findInspector(pid);
    if (open === null && wasOpen) break;
    // Somebody's debugger, or somebody asks again.
    if (open === null || open.clients > 0) continue;
    wasOpen = true;
    beingClosed.add(pid);
    const client = await InspectorClient.connect(open.url, OPEN_LIMIT_MS).catch(() => null);
    await client?.leave(true, OPEN_LIMIT_MS);
    beingClosed.delete(pid);
  }
  closedLater.delete(pid);
}

/**
 * Loads what a report needs, which a start has no time for: when a worker hangs, the folder that Evener was installed in may
 * have gone.
 */
export async function prepareReports(): Promise<void> {
  await Promise.allSettled([import('ws'), import('@jridgewell/trace-mapping')]);
}

async function openInspector(subject: HangSubject, purpose: HangPurpose): Promise<Pick<OpenInspector, 'url'> | null> {
  const { pid } = subject;
  if (!(await catchesSignal(pid, constants.signals.SIGUSR1))) return null;
  let url: string | null = null;
  subject.expectInspector((opened) => {
    url = opened;
  });
  try {
    process.kill(pid, 'SIGUSR1');
  } catch {
    return null;
  }
  const deadlineMs = performance.now() + OPEN_LIMIT_MS;
  while (performance.now() < deadlineMs) {
    await sleep(POLL_MS);
    if (url !== null) return { url };
    // Its stderr may lead elsewhere than to us.
    const found = await findInspector(pid);
    if (found !== null) return found;
  }
  if (purpose === 'go-on') void closeLater(pid, false);
  return null;
}

async function framesOf(raw: readonly RawFrame[], client: InspectorClient): Promise<StackFrame[]> {
  const maps = new SourceMaps();
  const frames: StackFrame[] = [];
  for (const frame of raw) {
    const script = client.script(frame.scriptId);
    // Of no use to anybody.
    if (script !== null && isOwnCode(script.url)) continue;
    frames.push(await maps.frame(frame, script));
  }
  // Below the app's first function there is only how Node came to call it.
  const first = frames.findLastIndex(({ file }) => !isInternal(file));
  return (first === -1 ? frames : frames.slice(0, first + 1)).slice(0, MAX_FRAMES);
}

/** Node's own code. */
export function isInternal(file: string): boolean {
  return file.startsWith('node:') || file === '';
}

function refused(withoutFrames: StackRefusal): Stack {
  return { frames: [], withoutFrames };
}
