import os from 'node:os';
import type { Exchange } from '../exchange/exchange.ts';
import type { LoadReporter } from '../exchange/load-reporter.ts';
import type { Transport } from '../exchange/transport.ts';
import { type LoadFormat, type LoadReport, loadFormatOf, loadReportLine } from '../http1/load-report.ts';
import { PoolReading } from '../observability/pool-meter.ts';
import type { Pool } from '../pool/pool.ts';

/** Reports are of this much of the past. */
const SPAN_MS = 1_000;
/** What is in hand is counted anew after so long. */
const FRESH_MS = 10;

/** What the whole machine does; one for a thread. */
export class SystemLoad {
  #busyMs = 0;
  #totalMs = 0;
  #sampledAtMs = 0;
  cpuUtilization = -1;
  memUtilization = -1;

  step(nowMs: number): void {
    if (nowMs - this.#sampledAtMs < SPAN_MS) return;
    this.#sampledAtMs = nowMs;
    let busyMs = 0;
    let totalMs = 0;
    for (const { times } of os.cpus()) {
      busyMs += times.user + times.nice + times.sys + times.irq;
      totalMs += times.user + times.nice + times.sys + times.irq + times.idle;
    }
    if (totalMs > this.#totalMs && this.#totalMs > 0) {
      this.cpuUtilization = (busyMs - this.#busyMs) / (totalMs - this.#totalMs);
    }
    this.#busyMs = busyMs;
    this.#totalMs = totalMs;
    this.memUtilization = 1 - os.freemem() / os.totalmem();
  }
}

/** Tells whoever balances us how busy one pool is, in the head of each answer, or of those that ask for it. */
export class OwnLoad implements LoadReporter {
  readonly #isAlways: boolean;
  readonly #pool: Pool<Transport>;
  readonly #meter: SharedArrayBuffer;
  readonly #system: SystemLoad;
  readonly #lines = new Map<LoadFormat, string>();
  #finished = 0;
  #sampledAtMs = 0;
  #report: LoadReport = NOTHING;
  #madeAtMs = 0;

  constructor(isAlways: boolean, pool: Pool<Transport>, meter: SharedArrayBuffer, system: SystemLoad) {
    this.#isAlways = isAlways;
    this.#pool = pool;
    this.#meter = meter;
    this.#system = system;
  }

  /** To be called now and then. */
  step(nowMs: number): void {
    const sinceMs = nowMs - this.#sampledAtMs;
    if (sinceMs < SPAN_MS) return;
    const { finished } = PoolReading.of(this.#meter);
    const rps = this.#sampledAtMs === 0 ? -1 : ((finished - this.#finished) * 1000) / sinceMs;
    this.#finished = finished;
    this.#sampledAtMs = nowMs;
    const { cpuUtilization, memUtilization } = this.#system;
    const applicationUtilization = this.#utilization();
    this.#report = { ...NOTHING, cpuUtilization, memUtilization, applicationUtilization, rps };
    this.#lines.clear();
  }

  lineFor(exchange: Exchange): string {
    const format = formatAskedFor(exchange.lines);
    if (format !== null) return this.#line(format);
    return this.#isAlways ? this.#line('text') : '';
  }

  #line(format: LoadFormat): string {
    const nowMs = performance.now();
    if (nowMs - this.#madeAtMs > FRESH_MS && this.#report !== NOTHING) {
      this.#madeAtMs = nowMs;
      this.#report = { ...this.#report, inFlight: PoolReading.of(this.#meter).inFlight };
      this.#lines.clear();
    }
    let line = this.#lines.get(format);
    if (line === undefined) {
      line = this.#report === NOTHING ? '' : loadReportLine(this.#report, format);
      this.#lines.set(format, line);
    }
    return line;
  }

  /** Of workers: how busy their event loops are, on average. Servers may have told theirs. -1 = nobody knows. */
  #utilization(): number {
    let sum = 0;
    let known = 0;
    for (const { transport } of this.#pool.members) {
      const { loopUtilization } = transport as { loopUtilization?: number };
      if (loopUtilization === undefined || loopUtilization < 0) continue;
      sum += loopUtilization;
      known++;
    }
    return known === 0 ? -1 : sum / known;
  }
}

const NOTHING: LoadReport = Object.freeze({
  cpuUtilization: -1,
  memUtilization: -1,
  applicationUtilization: -1,
  rps: -1,
  eps: -1,
  peakUtilization: -1,
  inFlight: -1,
});

function formatAskedFor(lines: string): LoadFormat | null {
  const asked = /\r\nendpoint-load-metrics-format:([^\r]*)/i.exec(lines);
  return asked === null ? null : loadFormatOf(asked[1]!);
}
