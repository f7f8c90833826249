import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { controlOf, verb } from '../support/control.ts';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { DEADLINE_MS, until } from '../support/until.ts';
import { NEEDS_CHROMIUM, TestBrowser } from './support/browser.ts';
import { ScriptedInstance } from './support/scripted-instance.ts';

const PATIENCE = { timeout: DEADLINE_MS };
const TOKEN = 'made-up-at-the-start';
const HARM = '<img src=x onerror="window.harmed = true"><script>window.harmed = true</script>';

const browser = new TestBrowser();
after(() => browser.close());

/** Pids by the table, in its order. */
async function pids(page: Page): Promise<string[]> {
  const cells = await page.locator('#workers-table tbody th .quiet').allTextContents();
  return cells.map((text) => text.replace('pid ', ''));
}

/** State of each worker by the table. */
function states(page: Page): Promise<string[]> {
  return page.locator('#workers-table tbody .state').allTextContents();
}

function seen(page: Page, selector: string, hasText: string | RegExp): Promise<void> {
  return page.locator(selector, { hasText }).first().waitFor(PATIENCE);
}

async function allReady(page: Page, count: number): Promise<void> {
  let all: string[] = [];
  await until(
    () => `${count} ready workers, there are: ${all.join(', ')}`,
    async () => {
      all = await states(page);
      return all.length === count && all.every((state) => state === 'ready');
    },
  );
}

async function axeProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => {
    return (globalThis as unknown as { axe: typeof axe }).axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
  });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

test('shows and steers a real instance', NEEDS_CHROMIUM, async (t) => {
  const evener = new EvenerProcess(t, [
    'server.cjs',
    '--workers',
    '2',
    '--port',
    '0',
    '--admin',
    '0',
    '--hang-limit',
    '60s',
    '--drain-limit',
    '1s',
  ]);
  const app = await evener.url(2);
  const control = await controlOf(evener);
  const { stdout: url } = await verb(evener, ['dashboard']);
  const { page, problems } = await browser.open(url.trim());

  await t.test('the link lets it in, and the token is not left in the address', async () => {
    await seen(page, '#link-state', 'Live');
    await allReady(page, 2);
    assert.equal(new URL(page.url()).hash, '');
    await until('the title', async () => (await page.title()).endsWith(' – Evener'));
  });

  await t.test('a click on reload replaces the workers, and no request fails', async () => {
    const before = await pids(page);
    let isOver = false;
    const statuses: number[] = [];
    const load = (async () => {
      while (!isOver) statuses.push((await request(`${app}/`)).status);
    })();
    await page.getByRole('button', { name: 'Reload' }).click();
    await seen(page, '.notice', /^Reloaded in /);
    await until('other workers', async () => {
      const now = await pids(page);
      return now.length === 2 && now.every((pid) => pid !== '' && !before.includes(pid));
    });
    await allReady(page, 2);
    isOver = true;
    await load;
    assert.ok(statuses.length > 0);
    assert.deepEqual(
      statuses.filter((status) => status !== 200),
      [],
    );
    await seen(page, '#reload', /^Reload$/);
    await seen(page, '#activity-list', 'reload done');
    const told = await control.get<{ workers: { pid: number }[] }>('/status');
    assert.deepEqual(
      told.workers.map(({ pid }) => String(pid)),
      await pids(page),
    );
  });

  await t.test('traffic is shown', async () => {
    await seen(page, '#traffic-legend', /requests \d/);
    const rate = page.locator('.tile', { hasText: 'Requests/s' }).locator('dd');
    await until('a rate of requests, and how long they take', async () => {
      await request(`${app}/`);
      const label = await page.locator('#latency-chart').getAttribute('aria-label');
      return Number((await rate.textContent())!.replace(',', '')) > 0 && /p99 \d/.test(label!);
    });
    assert.equal(await page.locator('.chart canvas').count(), 2);
  });

  await t.test('one worker more, and one less', async () => {
    await page.getByRole('button', { name: 'One worker more' }).click();
    await allReady(page, 3);
    await page.getByRole('button', { name: 'One worker less' }).click();
    await until('two workers', async () => (await pids(page)).length === 2);
    await allReady(page, 2);
  });

  await t.test('drains and starts a worker from the keyboard alone; the place in the page is kept', async () => {
    const drain = page.getByRole('button', { name: 'Drain worker 1' });
    await drain.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Drain worker 1?' }).waitFor();
    assert.equal(await page.evaluate('document.activeElement?.textContent'), 'Cancel');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate('document.activeElement?.textContent'), 'Drain');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until('it to be drained', async () => (await states(page))[1] === 'drained');
    await page.getByRole('button', { name: 'Start worker 1' }).focus();
    await page.keyboard.press('Enter');
    await allReady(page, 2);
    await page.getByRole('button', { name: 'Restart worker 1' }).waitFor();
    assert.equal(await page.evaluate('document.activeElement?.textContent'), 'Restart');
  });

  await t.test('restarts a worker', async () => {
    const [first, second] = await pids(page);
    await page.getByRole('button', { name: 'Restart worker 0' }).click();
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    await seen(page, '.notice', 'Worker 0 is ready.');
    await until('another worker in its place', async () => {
      const now = await pids(page);
      return now.length === 2 && now[0] !== first && now[1] === second;
    });
    await allReady(page, 2);
  });

  await t.test('tells what a worker writes, and the line that blocks it', async () => {
    await request(`${app}/log`);
    request(`${app}/loop`).catch(() => {});
    await until('a stalled worker', async () => (await states(page)).includes('stalled'));
    await seen(page, '.incident', /worker stalled/);
    const slot = (await states(page)).indexOf('stalled');
    await page.getByRole('button', { name: `Why: what is worker ${slot} doing?` }).click();
    await seen(page, '#worker-why .stack .frame:not(.foreign)', /server\.cjs:\d+:\d+/);
    await seen(page, '#worker-why', /is blocked: spinning/);
    await seen(page, '#worker-why .requests', '/loop');
    await seen(page, '#worker-log', 'booted');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: `Restart worker ${slot}` }).click();
    await page.getByRole('button', { name: 'Restart', exact: true }).click();
    await seen(page, '.notice', `Worker ${slot} is ready.`);
  });

  await t.test('nothing went wrong in the page meanwhile', () => {
    assert.deepEqual(problems, []);
  });

  await t.test('stops it, and says that it has', async () => {
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
    assertEnding(await evener.ended, 0);
    await seen(page, '#banner-text', /Evener has stopped|Connection lost/);
    assert.equal(await page.locator('body').getAttribute('data-link'), 'lost');
  });
});

test('asks for the token once, and keeps it for the tab', NEEDS_CHROMIUM, async (t) => {
  const instance = new ScriptedInstance({ workers: 2 });
  t.after(() => instance.close());
  const url = await instance.listen(0, 'the-right-token-of-it');
  const { page, close } = await browser.open(url);
  t.after(close);
  const dialog = page.getByRole('dialog', { name: 'Token' });
  await dialog.waitFor();
  assert.equal(await page.locator('#workers-table tbody tr').count(), 0);
  await page.locator('#token-field').fill('not-the-right-token');
  await page.keyboard.press('Enter');
  await seen(page, '#token-why', 'That was not the token.');
  await page.locator('#token-field').fill(`${url}#token=the-right-token-of-it`);
  await page.keyboard.press('Enter');
  await allReady(page, 2);
  await page.reload();
  await allReady(page, 2);
  assert.equal(await dialog.isVisible(), false);
  await page.getByRole('button', { name: 'Reload' }).click();
  await seen(page, '.notice', /^Reloaded in /);
  assert.deepEqual(instance.asked, ['reload']);
});

test('without a token it may be looked at; to change something the token is asked for', NEEDS_CHROMIUM, async (t) => {
  const instance = new ScriptedInstance({ workers: 2 });
  t.after(() => instance.close());
  const { page, close } = await browser.open(await instance.listen());
  t.after(close);
  await allReady(page, 2);
  await page.getByRole('button', { name: 'One worker more' }).click();
  await page.getByRole('dialog', { name: 'Token' }).waitFor();
  await page.locator('#token-field').fill('not-the-right-token');
  await page.keyboard.press('Enter');
  await seen(page, '#token-why', 'That was not the token.');
  // It is not kept: the page may be looked at as before.
  await page.reload();
  await allReady(page, 2);
  await page.getByRole('button', { name: 'One worker more' }).click();
  await seen(page, '#token-why', 'From a browser, nothing is changed without the token.');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Token' }).waitFor({ state: 'hidden' });
  assert.deepEqual(instance.asked, []);
  await page.getByRole('button', { name: 'One worker more' }).click();
  await page.locator('#token-field').fill(TOKEN);
  await page.keyboard.press('Enter');
  await allReady(page, 3);
  assert.deepEqual(instance.asked, ['scale shop 1']);
  await page.waitForFunction('sessionStorage.length > 0');
  await page.reload();
  await allReady(page, 3);
  await page.getByRole('button', { name: 'One worker less' }).click();
  await allReady(page, 2);
});

test('text of apps and clients stays text', NEEDS_CHROMIUM, async (t) => {
  const instance = new ScriptedInstance({ workers: 1 });
  t.after(() => instance.close());
  const frames = [{ functionName: HARM, file: `/srv/${HARM}`, line: 1, column: 2 }];
  const inFlight = [{ method: HARM, target: `/?q=${HARM}`, ageMs: 1 }];
  const evidence = { report: { frames, inFlight }, other: HARM, [HARM]: [HARM] };
  instance.incident('worker-hung', { app: HARM, worker: 0, cause: HARM, decision: HARM, evidence });
  instance.explanation = { text: HARM, report: { frames, [HARM]: HARM } };
  instance.lines.push({
    app: 'shop',
    slot: 0,
    pid: 4000,
    stream: 'stderr',
    time: new Date().toISOString(),
    text: HARM,
  });
  const { page, problems, close } = await browser.open(`${await instance.listen()}#token=${TOKEN}`);
  t.after(close);
  await page.locator('.incident summary').first().click();
  await seen(page, '.incident .frame', HARM);
  await seen(page, '.incident .target', HARM);
  await seen(page, '#activity-list', HARM);
  await page.getByRole('button', { name: 'Why: what is worker 0 doing?' }).click();
  await seen(page, '#worker-log', HARM);
  await seen(page, '#worker-why .why-text', HARM);
  assert.equal(await page.locator('main img, dialog img, main script, dialog script').count(), 0);
  assert.equal(await page.evaluate(() => 'harmed' in globalThis), false);
  assert.deepEqual(problems, []);
});

test('a lost connection is told, and mended by itself', NEEDS_CHROMIUM, async (t) => {
  const first = new ScriptedInstance({ workers: 2 });
  t.after(() => first.close());
  // Nobody is to be given it while nothing listens there.
  const url = await first.listen(await freePort());
  const { page, close } = await browser.open(url);
  t.after(close);
  await allReady(page, 2);
  first.close();
  await seen(page, '#banner-text', 'Connection lost');
  await seen(page, '#banner-age', /What is shown is \d+ s old/);
  assert.equal(await page.evaluate('getComputedStyle(document.querySelector("main")).filter'), 'grayscale(1)');
  const second = new ScriptedInstance({ workers: 3 });
  t.after(() => second.close());
  second.startedAt = new Date().toISOString();
  await second.listen(Number(new URL(url).port));
  await allReady(page, 3);
  assert.equal(await page.locator('#banner').isVisible(), false);
  assert.equal(await page.evaluate('getComputedStyle(document.querySelector("main")).filter'), 'none');
});

test('what opens is read out, and an open incident is in sight', NEEDS_CHROMIUM, async (t) => {
  const instance = new ScriptedInstance({ workers: 2, apps: ['shop', 'api'] });
  t.after(() => instance.close());
  instance.incident('reload-failed', { app: null, cause: 'of before the page was there' });
  const { page, close } = await browser.open(await instance.listen());
  t.after(close);
  await seen(page, '.incident', 'of before the page was there');
  assert.equal(await page.locator('#announcer').textContent(), '');
  instance.incident('worker-died', { app: 'api', worker: 1, cause: 'signal SIGKILL' });
  await seen(page, '#announcer', 'Incident: worker died, api, worker 1: signal SIGKILL');
  await seen(page, '#open-incidents', '2 open incidents');
  assert.match(await page.title(), /^\(2\) /);
  instance.ring.close('worker-died:api/1', 'pid 5 is ready');
  await seen(page, '#open-incidents', '1 open incident');
  assert.equal(await page.locator('#announcer').getAttribute('role'), 'status');
  await page.getByText('api', { exact: true }).click();
  await until('the workers of the other app', async () => {
    return (await page.locator('#workers-table tbody .link').allTextContents()).join() === 'api:0,api:1';
  });
});

test('of a pool of servers it shows which are up, and why others are not', NEEDS_CHROMIUM, async (t) => {
  const instance = new ScriptedInstance({ workers: 0 });
  t.after(() => instance.close());
  const reason = 'connect ECONNREFUSED 10.0.0.8:3000';
  instance.servers.push(
    { pool: 'shop', server: 'http://10.0.0.7:3000', source: null, state: 'up', reason: '' },
    { pool: 'shop', server: 'http://10.0.0.8:3000', source: null, state: 'unreachable', reason },
  );
  const { page, problems, close } = await browser.open(await instance.listen());
  t.after(close);
  await seen(page, '#app-ready', '1 of 2 servers up');
  const rows = await page.locator('#servers-table tbody tr').allInnerTexts();
  assert.deepEqual(
    rows.map((text) => text.split(/\t/).map((cell) => cell.trim())),
    [
      ['http://10.0.0.7:3000', 'up', ''],
      ['http://10.0.0.8:3000', 'unreachable', reason],
    ],
  );
  assert.equal(await page.locator('#workers').isVisible(), false);
  assert.equal(await page.getByRole('button', { name: 'One worker more' }).isVisible(), false);
  assert.deepEqual(problems, []);
});

test('is usable by keyboard, screen reader and on a phone, light and dark', NEEDS_CHROMIUM, async (t) => {
  const instance = new ScriptedInstance({ workers: 8 });
  t.after(() => instance.close());
  instance.workers[5]!.state = 'stalled';
  const frames = [{ functionName: 'crunch', file: `/srv/${'a-long-path/'.repeat(12)}server.js`, line: 1, column: 2 }];
  const inFlight = [{ method: 'GET', target: `/${'x'.repeat(300)}`, ageMs: 1 }];
  instance.incident('worker-hung', { worker: 5, cause: 'it is silent', evidence: { report: { frames, inFlight } } });
  const url = `${await instance.listen()}#token=${TOKEN}`;
  const looks: readonly Parameters<TestBrowser['open']>[1][] = [
    { colorScheme: 'light' },
    { colorScheme: 'dark', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  ];
  for (const look of looks) {
    const { page, problems, close } = await browser.open(url, look);
    await page.locator('#workers-table tbody tr').nth(7).waitFor(PATIENCE);
    await page.locator('.incident summary').first().click();
    await page.locator('.incident .stack').waitFor();
    assert.deepEqual(await axeProblems(page), [], String(look?.colorScheme));
    assert.equal(await page.getByRole('row', { name: /stalled/ }).count(), 1);
    for (const width of [1440, 1180, 820, 390]) {
      await page.setViewportSize({ width, height: 844 });
      const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
      assert.equal(isWide, false, `scrolls sideways at ${width}`);
    }
    if (look?.colorScheme === 'dark') {
      await page.getByRole('button', { name: 'Why: what is worker 5 doing?' }).click();
      await page.getByRole('dialog', { name: 'Worker 5' }).waitFor();
      assert.deepEqual(await axeProblems(page), [], 'with a dialog');
    }
    assert.deepEqual(problems, []);
    await close();
  }
});
