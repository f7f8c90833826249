import { isAbsolute, relative } from 'node:path';
import { durationText } from '../core/duration-text.ts';
import { type HangReport, isInternal, type StackRefusal } from './hang-report.ts';
import type { WorkerExplanation } from './hung-workers.ts';
import { oldestOf } from './in-flight.ts';
import type { StackFrame } from './source-maps.ts';

/** Requests listed in the text; a report has more. */
const MAX_LISTED = 10;

const REFUSALS: Readonly<Record<StackRefusal, string>> = {
  stopped: 'it was stopped by a signal (SIGSTOP, SIGTSTP) and answers nobody until SIGCONT',
  debugger: 'a debugger is attached to it, which is not disturbed',
  'no-inspector': 'no stack: it has no handler for SIGUSR1 (--disable-sigusr1, or not Node)',
  'no-answer': 'no stack: it is outside JavaScript (a system call, native code), or the app listens for SIGUSR1',
  turning: 'its event loop turns',
};

/** What it does, in a few words: `spinning (98 % of a core) in crunch, server.js:12:5`. */
export function hangSummary(report: HangReport, cwd: string): string {
  const { activity, cpuShare, waitChannel, frames } = report;
  const share = cpuShare === null ? '' : ` (${Math.round(cpuShare * 100)} % of a core)`;
  const channel = waitChannel === null ? '' : ` in the kernel (${waitChannel})`;
  const doing = { spinning: `spinning${share}`, waiting: `waiting${channel}`, stopped: 'stopped', unknown: 'silent' };
  const place = frames.find(({ file }) => !isInternal(file)) ?? frames[0];
  return place === undefined ? doing[activity] : `${doing[activity]} in ${nameOf(place)}, ${placeText(place, cwd)}`;
}

/** The stack and the requests in flight, a line each, without indentation. */
export function hangDetails(report: HangReport, cwd: string): string[] {
  const lines = report.frames.map((frame) => `at ${nameOf(frame)} (${placeText(frame, cwd)})`);
  if (report.withoutFrames !== null) lines.push(REFUSALS[report.withoutFrames]);
  return [...lines, ...inFlightLines(report)];
}

/** What `why` found, a line each; those after the first belong to it. */
export function explanationText(explanation: WorkerExplanation, cwd: string): string[] {
  const { slot, pid, answeredInMs, loopUtilization, cpuShare } = explanation;
  const who = `worker ${slot} (pid ${pid})`;
  if (answeredInMs === null) {
    return [`${who} is blocked: ${hangSummary(explanation, cwd)}`, ...hangDetails(explanation, cwd)];
  }
  const busy = loopUtilization === null ? [] : [`busy ${Math.round(loopUtilization * 100)} % of the time`];
  const cpu = cpuShare === null ? [] : [`${Math.round(cpuShare * 100)} % of a core`];
  const facts = [`its event loop turns (answered in ${durationText(answeredInMs)})`, ...busy, ...cpu];
  return [`${who} is not blocked: ${facts.join(', ')}`, ...inFlightLines(explanation)];
}

/** `in flight for 10.2 s: POST /orders`, the oldest first. */
function inFlightLines({ inFlight, inFlightCount }: Pick<HangReport, 'inFlight' | 'inFlightCount'>): string[] {
  const lines = oldestOf(inFlight)
    .slice(0, MAX_LISTED)
    .map(({ method, target, ageMs }) => `in flight for ${durationText(ageMs)}: ${method} ${target}`);
  const more = inFlightCount - lines.length;
  return more === 0 ? lines : [...lines, `and ${more} more in flight`];
}

function nameOf({ functionName }: StackFrame): string {
  return functionName === '' ? '(anonymous)' : functionName;
}

function placeText({ file, line, column }: StackFrame, cwd: string): string {
  const short = isAbsolute(file) ? relative(cwd, file) : file;
  return `${short.startsWith('..') ? file : short}:${line}:${column}`;
}
