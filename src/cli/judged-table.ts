import type { JudgedSide, JudgedWorker } from '../control/control-target.ts';
import { durationText } from '../core/duration-text.ts';
import { latencyText, PLAIN, table } from './tables.ts';

const HEADS = ['', 'WORKERS', 'REQUESTS', 'FAILED', 'P50', 'P99', 'LOOP DELAY', 'LOOP BUSY'];
const NUMBERS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7]);

/** How a new worker did beside those of before. */
export function judgedLines({ app, slot, pid, share, lastedMs, newcomer, others }: JudgedWorker): string[] {
  const rows = [
    ['new', ...cellsOf(newcomer)],
    ['before', ...cellsOf(others)],
  ];
  return [
    `worker ${slot} of ${app} (pid ${pid}), with ${percentText(share)} of the requests for ${durationText(lastedMs)}:`,
    ...table(HEADS, rows, NUMBERS, PLAIN).map((line) => `  ${line}`),
  ];
}

/** 0.1 -> '10 %'. */
export function percentText(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

function cellsOf({ workers, requests, failures, p50Ms, p99Ms, loopDelayMs, utilization }: JudgedSide): string[] {
  return [
    String(workers),
    String(requests),
    requests === 0 ? '-' : `${failures} (${percentText(failures / requests)})`,
    latencyText(p50Ms),
    latencyText(p99Ms),
    latencyText(loopDelayMs),
    percentText(utilization),
  ];
}
