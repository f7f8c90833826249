/**
 * Takes pictures of the dashboard, to be looked at: `node .build/test/dashboard/pictures.js [folder]`. Without a folder it
 * writes docs/dashboard.png.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { REPOSITORY } from '../docs/pages.ts';
import { TestBrowser } from './support/browser.ts';
import { ScriptedInstance } from './support/scripted-instance.ts';

/** Until the strips have something to show. */
const WARM_UP_MS = 8_000;

const STACK = [
  { functionName: 'exec', file: 'node:internal/regexp', line: 1, column: 1 },
  { functionName: 'matchAll', file: '/srv/shop/node_modules/rx/lib/match.js', line: 88, column: 17 },
  { functionName: 'validateCoupon', file: '/srv/shop/src/coupons.ts', line: 41, column: 22 },
  { functionName: '', file: '/srv/shop/src/routes/checkout.ts', line: 112, column: 9 },
];
const IN_FLIGHT = [
  { method: 'POST', target: '/checkout?step=coupon', ageMs: 10_240 },
  { method: 'GET', target: '/cart', ageMs: 9_800 },
];

function instanceWith(workers: number, apps?: readonly string[]): ScriptedInstance {
  const instance = new ScriptedInstance({ workers, ...(apps === undefined ? {} : { apps }) });
  for (let slot = 0; slot < Math.min(4, workers); slot++) {
    instance.events.push({ type: 'worker-ready', app: 'shop', slot, pid: 4000 + slot, bootMs: 190 + slot } as never);
  }
  instance.events.push({ type: 'reload-done', tookMs: 4120 } as never);
  return instance;
}

function withTrouble(instance: ScriptedInstance): ScriptedInstance {
  const worker = instance.workers[2]!;
  worker.state = 'stalled';
  worker.eventLoop = { delayMs: 4200, utilization: 1 };
  instance.incident('worker-died', {
    severity: 'warning',
    worker: 3,
    cause: 'pid 3871 died: signal SIGKILL',
    decision: 'it is restarted at once',
    evidence: {
      report: { kind: 'signal', signal: 'SIGKILL', tail: ['listening', 'GET /search 200 12 ms'] },
      inFlight: [{ method: 'GET', target: '/search?q=boots', ageMs: 31 }],
    },
  });
  instance.ring.close('worker-died:shop/3', 'pid 4003 is ready');
  instance.incident('worker-hung', {
    worker: 2,
    cause: 'its event loop has been silent for 10.2 s, beyond the hang limit',
    decision: 'it is ended and replaced',
    evidence: {
      pid: worker.pid,
      silentMs: 10_240,
      report: { activity: 'spinning', cpuShare: 0.98, frames: STACK, withoutFrames: null, inFlight: IN_FLIGHT },
    },
  });
  instance.explanation = {
    text: 'worker 2 (pid 4002) is blocked: spinning (98 % of a core) in validateCoupon, src/coupons.ts:41:22\n    at ...',
    report: {
      activity: 'spinning',
      cpuShare: 0.98,
      waitChannel: null,
      frames: STACK,
      withoutFrames: null,
      inFlight: IN_FLIGHT,
    },
  };
  const line = { app: 'shop', slot: 2, pid: worker.pid!, time: new Date().toISOString() };
  instance.lines.push(
    { ...line, stream: 'stdout', text: 'GET /cart 200 3.1 ms' },
    { ...line, stream: 'stderr', text: '\u001b[31m(node:4002) Warning: something is deprecated\u001b[0m' },
  );
  return instance;
}

interface Shot {
  readonly name: string;
  readonly instance: () => ScriptedInstance;
  readonly options: BrowserContextOptions;
  readonly isWhole?: boolean;
  act?(page: Page): Promise<void>;
}

const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const openIncident = async (page: Page): Promise<void> => {
  await page.locator('.incident summary').first().click();
};

function poolOf(): ScriptedInstance {
  const instance = instanceWith(0);
  instance.servers.push(
    { pool: 'shop', server: 'http://10.0.0.7:3000', source: null, state: 'up', reason: '' },
    {
      pool: 'shop',
      server: 'http://10.0.0.8:3000',
      source: null,
      state: 'unreachable',
      reason: 'connect ECONNREFUSED 10.0.0.8:3000',
    },
  );
  return instance;
}

const SHOTS: readonly Shot[] = [
  { name: 'light', instance: () => instanceWith(4), options: { viewport: DESK } },
  { name: 'dark', instance: () => instanceWith(4), options: { viewport: DESK, colorScheme: 'dark' } },
  { name: 'trouble', instance: () => withTrouble(instanceWith(4)), options: { viewport: DESK }, act: openIncident },
  {
    name: 'trouble-dark',
    instance: () => withTrouble(instanceWith(4)),
    options: { viewport: DESK, colorScheme: 'dark' },
    act: openIncident,
  },
  {
    name: 'phone',
    instance: () => withTrouble(instanceWith(4, ['shop', 'api'])),
    options: { viewport: PHONE, hasTouch: true, isMobile: true },
    isWhole: true,
    act: openIncident,
  },
  { name: 'many', instance: () => withTrouble(instanceWith(32)), options: { viewport: DESK }, isWhole: true },
  {
    name: 'laptop',
    instance: () => withTrouble(instanceWith(8)),
    options: { viewport: { width: 1180, height: 760 } },
    isWhole: true,
  },
  { name: 'tablet', instance: () => withTrouble(instanceWith(8)), options: { viewport: { width: 820, height: 1100 } } },
  {
    name: 'why',
    instance: () => withTrouble(instanceWith(4)),
    options: { viewport: DESK },
    act: (page) => page.getByRole('button', { name: 'Why: what is worker 2 doing?' }).click(),
  },
  { name: 'servers', instance: poolOf, options: { viewport: DESK } },
  {
    name: 'confirm-dark',
    instance: () => withTrouble(instanceWith(4)),
    options: { viewport: DESK, colorScheme: 'dark' },
    act: (page) => page.getByRole('button', { name: 'Restart worker 1' }).click(),
  },
];

const folder = process.argv[2] ?? null;
const wanted = process.argv.slice(3);
const browser = new TestBrowser();
const shots = folder === null ? SHOTS.filter(({ name }) => name === 'trouble') : SHOTS;
if (folder !== null) mkdirSync(folder, { recursive: true });
for (const { name, instance: make, options, isWhole = false, act } of shots) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const instance = make();
  const { page, problems, close } = await browser.open(
    `${await instance.listen()}#token=made-up-at-the-start`,
    options,
  );
  await page.locator('body[data-seen]').waitFor();
  await sleep(WARM_UP_MS);
  await act?.(page);
  await sleep(300);
  const path = folder === null ? `${REPOSITORY}docs/dashboard.png` : join(folder, `${name}.png`);
  await page.screenshot({ path, fullPage: isWhole });
  process.stdout.write(`${path}${problems.length === 0 ? '' : `\n  ${problems.join('\n  ')}`}\n`);
  await close();
  instance.close();
}
await browser.close();
