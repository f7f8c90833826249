/**
 * `npm run bench:faults`: one of four servers is killed, stopped or slowed under a steady load, behind Evener and behind
 * HAProxy, with the same checks, in one run. `-- --write` puts the table into docs/servers.md. About five minutes.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findExecutable, versionOf } from '../e2e/executable.ts';
import { describeMachine } from '../e2e/machine.ts';
import { repositoryDir } from '../e2e/repository.ts';
import { type Attempt, steadyLoad } from './steady-load.ts';

const RATE = 300;
const FAULT_AT_MS = 3_000;
const DURATION_MS = 12_000;
/** A request that took so long was held up by the fault. */
const HELD_UP_MS = 500;
const ROUNDS = 3;

const FAULTS = ['kill -9', 'SIGSTOP', '200 ms slower'] as const;
type Fault = (typeof FAULTS)[number];

interface Figures {
  readonly failedGets: number;
  readonly failedPosts: number;
  readonly heldUp: number;
  /** From the fault to the last request that failed or was held up. ms; null = there was none */
  readonly ejectedMs: number | null;
  /** Of all sent after the fault. ms */
  readonly p99Ms: number;
  readonly slowestMs: number;
  /** Of requests sent in the last three seconds, those that the faulty one answered. 0-1 */
  readonly share: number;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const SYSTEMS: Readonly<Record<string, (folder: string, port: number, servers: readonly number[]) => ChildProcess>> = {
  Evener: (folder, port, servers) => {
    const pool = {
      servers: servers.map((one) => `http://127.0.0.1:${one}`),
      listen: `127.0.0.1:${port}`,
      health: { path: '/healthz', status: 200, interval: '1s', timeout: '1s', fall: 2, rise: 2 },
      connectTimeout: '1s',
      responseTimeout: '5s',
    };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ pools: { api: pool } }));
    return launched(process.execPath, [join(repositoryDir, 'dist/cli/main.js')], folder);
  },
  HAProxy: (folder, port, servers) => {
    const config = join(folder, 'haproxy.cfg');
    writeFileSync(config, haproxyConfig(port, servers));
    return launched(findExecutable('haproxy')!, ['-db', '-f', config], folder);
  },
};

/** With all that it has for such cases: requests are sent again elsewhere (GETs, by `disable-l7-retry`), also by layer 7. */
function haproxyConfig(port: number, servers: readonly number[]): string {
  return `global
  nbthread 1
defaults
  mode http
  http-reuse always
  balance leastconn
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response response-timeout
  timeout connect 1s
  timeout client 30s
  timeout server 5s
  timeout check 1s
  option httpchk GET /healthz
  http-check expect status 200
  default-server check inter 1s fall 2 rise 2
listen bench
  bind 127.0.0.1:${port}
  http-request disable-l7-retry if METH_POST
${servers.map((one, i) => `  server s${i} 127.0.0.1:${one}`).join('\n')}
`;
}

function launched(command: string, args: readonly string[], cwd: string): ChildProcess {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'ignore'], env: { ...process.env, PORT: '' } });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function run(system: string, fault: Fault): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-faults-'));
  const ports = await Promise.all(Array.from({ length: 5 }, freePort));
  const [port, ...serverPorts] = ports as [number, ...number[]];
  const servers = await Promise.all(serverPorts.map(startServer));
  const balancer = SYSTEMS[system]!(folder, port, serverPorts);
  const url = `http://127.0.0.1:${port}/`;
  try {
    await answers(url);
    // Every server has passed its checks.
    await sleep(2_500);
    const act = (): void => {
      if (fault === 'kill -9') servers[0]!.kill('SIGKILL');
      else if (fault === 'SIGSTOP') servers[0]!.kill('SIGSTOP');
      else http.get(`http://127.0.0.1:${serverPorts[0]}/slow`, { agent: false }, (response) => response.resume());
    };
    const load = { rate: RATE, durationMs: DURATION_MS, atMs: FAULT_AT_MS, act };
    return figuresOf(await steadyLoad(url, load));
  } finally {
    for (const child of [balancer, ...servers]) child.kill('SIGKILL');
    await Promise.all([balancer, ...servers].map((child) => ended(child)));
    rmSync(folder, { recursive: true, force: true });
  }
}

function figuresOf(attempts: readonly Attempt[]): Figures {
  // What was under way at the fault is hit by it, too.
  const after = attempts.filter(({ sentAtMs, tookMs }) => sentAtMs + tookMs >= FAULT_AT_MS);
  const failed = (method: string): number => after.filter((one) => one.server === null && one.method === method).length;
  const heldUp = after.filter(({ tookMs, server }) => server !== null && tookMs > HELD_UP_MS);
  const hit = after.filter(({ tookMs, server }) => server === null || tookMs > HELD_UP_MS);
  const times = after.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const last = after.filter(({ sentAtMs }) => sentAtMs > DURATION_MS - 3_000);
  return {
    failedGets: failed('GET'),
    failedPosts: failed('POST'),
    heldUp: heldUp.length,
    ejectedMs: hit.length === 0 ? null : Math.max(0, ...hit.map(({ sentAtMs }) => sentAtMs - FAULT_AT_MS)),
    p99Ms: times[Math.ceil(times.length * 0.99) - 1]!,
    slowestMs: times.at(-1)!,
    share: last.filter(({ server }) => server === 's0').length / last.length,
  };
}

async function startServer(port: number, index: number): Promise<ChildProcess> {
  const script = join(repositoryDir, 'bench/faults/servers.mjs');
  const child = spawn(process.execPath, [script, String(port), `s${index}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  await once(child.stdout!, 'data');
  return child;
}

async function answers(url: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const status = await new Promise<number>((resolve) => {
      const request = http.get(url, { agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      request.on('error', () => resolve(0));
    });
    if (status === 200) return;
    await sleep(20);
  }
  throw new Error(`nobody answers ${url}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Of several rounds, by each figure. */
function median(rounds: readonly Figures[]): Figures {
  const of = (read: (figures: Figures) => number): number => {
    return rounds.map(read).sort((a, b) => a - b)[Math.floor((rounds.length - 1) / 2)]!;
  };
  const ejected = of(({ ejectedMs }) => ejectedMs ?? -1);
  return {
    failedGets: of(({ failedGets }) => failedGets),
    failedPosts: of(({ failedPosts }) => failedPosts),
    heldUp: of(({ heldUp }) => heldUp),
    ejectedMs: ejected < 0 ? null : ejected,
    p99Ms: of(({ p99Ms }) => p99Ms),
    slowestMs: of(({ slowestMs }) => slowestMs),
    share: of(({ share }) => share),
  };
}

const HEADS = [
  'one of four',
  '',
  'failed GETs',
  'failed POSTs',
  'over 0.5 s',
  'out after',
  'p99',
  'slowest',
  'its share later',
];

function rowOf(fault: Fault, system: string, figures: Figures): string[] {
  const { failedGets, failedPosts, heldUp, ejectedMs, p99Ms, slowestMs, share } = figures;
  const ms = (value: number): string => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);
  const out = ejectedMs === null ? '-' : ms(ejectedMs);
  const counts = [failedGets, failedPosts, heldUp].map(String);
  return [fault, system, ...counts, out, ms(p99Ms), ms(slowestMs), `${Math.round(share * 100)} %`];
}

function tableText(rows: readonly (readonly string[])[]): string {
  const all = [HEADS, ...rows];
  const widths = HEADS.map((_, column) => Math.max(3, ...all.map((row) => row[column]!.length)));
  const lines = all.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  return lines.join('\n');
}

function writeDocs(table: string, remark: string): void {
  const page = join(repositoryDir, 'docs/servers.md');
  const text = readFileSync(page, 'utf8');
  const marks = /(<!-- npm run bench:faults -->\n)[\s\S]*?(<!-- end -->)/;
  if (!marks.test(text)) throw new Error('docs/servers.md has no place for the table');
  writeFileSync(
    page,
    text.replace(marks, (_, begin: string, end: string) => `${begin}\n${table}\n\n${remark}\n\n${end}`),
  );
}

const haproxyPath = findExecutable('haproxy');
if (haproxyPath === null) {
  console.error('HAProxy is missing: apt-get install haproxy');
  process.exit(2);
}
const rows: string[][] = [];
for (const fault of FAULTS) {
  const rounds: Record<string, Figures[]> = { Evener: [], HAProxy: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const system of Object.keys(SYSTEMS)) {
      console.error(`${fault}, ${system}, round ${round + 1} of ${ROUNDS}`);
      rounds[system]!.push(await run(system, fault));
    }
  }
  for (const system of Object.keys(SYSTEMS)) rows.push(rowOf(fault, system, median(rounds[system]!)));
}
const { cores, kernel, node, evener } = describeMachine();
const versions = `Evener ${evener}, HAProxy ${versionOf(haproxyPath, '-v', /version (\S+)/)}, Node ${node}`;
const remark = `Median of ${ROUNDS} runs: ${versions}, ${cores} cores, ${kernel}.`;
const table = tableText(rows);
console.log(`${table}\n\n${remark}`);
if (process.argv.includes('--write')) writeDocs(table, remark);
