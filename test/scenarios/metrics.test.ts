import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import parsePrometheus from 'parse-prometheus-text-format';
import { METRICS } from '../../src/observability/metric-table.ts';
import { adminOf, ask } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

interface Sample {
  readonly value?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly buckets?: Readonly<Record<string, string>>;
  readonly count?: string;
  readonly sum?: string;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly metrics: readonly Sample[];
}

class Scrape {
  readonly text: string;
  readonly families: ReadonlyMap<string, Family>;

  constructor(text: string) {
    this.text = text;
    this.families = new Map((parsePrometheus(text) as Family[]).map((family) => [family.name, family]));
  }

  static async of(evener: EvenerProcess): Promise<Scrape> {
    const answer = await ask(`${await adminOf(evener)}metrics`, 'GET');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    return new Scrape(answer.body);
  }

  /** Samples that have all of these labels. */
  samples(name: string, labels: Readonly<Record<string, string>> = {}): readonly Sample[] {
    const all = this.families.get(name)?.metrics ?? [];
    return all.filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels?.[key] === value));
  }

  /** The sum of those. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.samples(name, labels).reduce((sum, { value }) => sum + Number(value), 0);
  }
}

async function started(context: TestContext, args: readonly string[]): Promise<{ evener: EvenerProcess; url: string }> {
  const evener = new EvenerProcess(context, [...args, '--admin', '0', '--name', 'web']);
  return { evener, url: await evener.url(2) };
}

/** Until both workers have answered. @returns how many requests that took */
async function serveByBoth(url: string): Promise<number> {
  const seen = new Set<string>();
  let served = 0;
  await until('both workers to serve', async () => {
    seen.add((await request(url)).body);
    served++;
    return seen.size === 2;
  });
  return served;
}

/** A scrape in which every worker was in time to tell what its app has counted. */
function wholeScrape(evener: EvenerProcess): Promise<Scrape> {
  return until('all workers to answer', async () => {
    const scrape = await Scrape.of(evener);
    return scrape.value('evener_app_metrics_missing_workers') === 0 ? scrape : null;
  });
}

test('every metric is of the table, in the format that Prometheus reads', async (context) => {
  const { evener, url } = await started(context, ['server.cjs', '-w', '2']);
  await request(url);
  await evener.said(/worker 1 ready/);
  // How busy balancer threads are is known a second after the start.
  const scrape = await until('a scrape with everything', async () => {
    const one = await Scrape.of(evener);
    return one.families.has('evener_balancer_utilization') ? one : null;
  });
  for (const { name, type, help } of scrape.families.values()) {
    const spec = METRICS[name as keyof typeof METRICS];
    assert.ok(spec !== undefined, name);
    assert.deepEqual([type.toLowerCase(), help], [spec.type, spec.help], name);
  }
  const missing = Object.keys(METRICS).filter((name) => !scrape.families.has(name));
  // Nothing is looked for anywhere, and nothing has gone wrong.
  const ofSources = ['evener_source_servers', 'evener_source_up', 'evener_source_updated_seconds'];
  // But that a busy machine may have kept a worker from answering for a moment.
  const stalls = scrape.samples('evener_incidents_total', { kind: 'worker-stalled' });
  const ofIncidents = stalls.length > 0 ? [] : ['evener_incidents_total'];
  assert.deepEqual(missing, ['evener_ejections_total', ...ofSources, ...ofIncidents]);
  for (const [name, spec] of Object.entries(METRICS)) {
    // The parser loses the labels of histograms.
    for (const line of scrape.text.split('\n').filter((one) => new RegExp(`^${name}(_count)?[{ ]`).test(one))) {
      const labels = [...line.matchAll(/(\w+)="/g)].map(([, label]) => label);
      assert.deepEqual(labels.sort(), [...spec.labels].sort(), line);
    }
  }
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: scrape.text, encoding: 'utf8' });
  if (promtool.error !== undefined) context.diagnostic('promtool is not installed');
  else assert.deepEqual([promtool.status, promtool.stdout, promtool.stderr], [0, '', '']);
});

test('counts requests by status and method, with their times, bytes and ends', async (context) => {
  const { evener, url } = await started(context, ['server.cjs', '-w', '2']);
  for (let i = 0; i < 5; i++) await request(url);
  await request(`${url}/facts`, 'POST');
  await request(`${url}/exit`, 'POST');
  const client = await RawClient.connect(context, url);
  client.write('GET / HTTP/9.9\r\n\r\n');
  await client.rest();
  const scrape = await until('all of them', async () => {
    const one = await Scrape.of(evener);
    return one.value('evener_request_outcomes_total') === 8 ? one : null;
  });
  const requests = (code: string, method: string): number =>
    scrape.value('evener_requests_total', { app: 'web', code, method });
  assert.deepEqual([requests('200', 'GET'), requests('200', 'POST'), requests('502', 'POST')], [5, 1, 1]);
  assert.equal(requests('505', 'OTHER'), 1);
  assert.equal(scrape.value('evener_request_outcomes_total', { outcome: 'EVENER_ENDPOINT_RESET' }), 1);
  const durations = 'evener_request_duration_seconds';
  assert.match(scrape.text, new RegExp(`^${durations}_count\\{app="web"\\} 7$`, 'm'));
  assert.ok(Number(new RegExp(`^${durations}_sum\\{app="web"\\} (\\S+)$`, 'm').exec(scrape.text)![1]) > 0);
  const buckets = scrape.text.matchAll(new RegExp(`^${durations}_bucket\\{app="web",le="\\S+"\\} (\\d+)$`, 'gm'));
  const counts = [...buckets].map(([, count]) => Number(count));
  assert.ok(
    counts.every((count, i) => i === 0 || count >= counts[i - 1]!),
    'buckets add up',
  );
  assert.equal(counts.at(-1), 7);
  assert.ok(scrape.value('evener_request_bytes_total') > 300 && scrape.value('evener_response_bytes_total') > 700);
  assert.equal(scrape.value('evener_requests_in_flight'), 0);
  assert.ok(scrape.value('evener_client_connections_total') >= 8);
  await until('the restart to be counted', async () => {
    return (await Scrape.of(evener)).value('evener_worker_restarts_total', { cause: 'crash' }) === 1;
  });
  await evener.saidTimes(/worker \d+ ready/, 3);
  assert.equal((await Scrape.of(evener)).value('evener_incidents_total', { kind: 'worker-died' }), 1);
});

test('is right while every worker is stuck, and says so', async (context) => {
  const { evener, url } = await started(context, ['metrics.cjs', '-w', '2', '--hang-limit', 'off']);
  const before = await serveByBoth(url);
  const lost = [0, 1].map(() => request(`${url}/loop`, 'POST').catch(() => null));
  await until('both to be stalled', async () => {
    return (await Scrape.of(evener)).value('evener_worker_state', { state: 'stalled' }) === 2;
  });
  // That one may have asked an app which was not stuck yet.
  const scrape = await Scrape.of(evener);
  assert.equal(scrape.value('evener_requests_total'), before);
  assert.equal(scrape.value('evener_requests_in_flight'), 2);
  assert.equal(scrape.value('evener_worker_requests_in_flight', { worker: '1' }), 1);
  for (const worker of ['0', '1']) {
    assert.ok(scrape.value('evener_worker_event_loop_delay_seconds', { worker }) > 0.4);
    assert.equal(scrape.value('evener_worker_event_loop_utilization', { worker }), 1);
    assert.ok(scrape.value('evener_worker_memory_bytes', { worker }) > 10_000_000);
  }
  assert.equal(scrape.value('evener_app_metrics_missing_workers'), 2);
  assert.ok(!scrape.families.has('orders_total'));
  // What waits is counted, too.
  const waiting = request(url).catch(() => null);
  await until('one to wait', async () => (await Scrape.of(evener)).value('evener_requests_queued') === 1);
  evener.kill('SIGKILL');
  await Promise.all([...lost, waiting]);
});

test("merges the app's own metrics of all workers, with no code in the app", async (context) => {
  const { evener, url } = await started(context, ['metrics.cjs', '-w', '2']);
  const served = await serveByBoth(url);
  const scrape = await wholeScrape(evener);
  assert.equal(scrape.value('orders_total', { kind: 'a "quoted" one' }), served);
  assert.equal(scrape.value('basket_items'), 10 + 11);
  assert.equal(scrape.value('largest_order'), 101);
  const [took] = scrape.samples('order_seconds');
  assert.deepEqual([took!.count, took!.buckets!['0.1'], took!.buckets!['1']], [String(served), '0', String(served)]);
  // prom-client's own: one process each, put together.
  assert.ok(scrape.value('process_cpu_seconds_total') > 0);
  assert.equal(scrape.samples('nodejs_version_info').length, 1);
  assert.equal(scrape.value('nodejs_version_info'), 1);
  assert.ok(scrape.value('process_resident_memory_bytes') > 40_000_000);
  // One of a registry of its own. Of a summary with labels the parser keeps but its quantiles.
  assert.match(scrape.text, new RegExp(`^order_size_count\\{shop="main"\\} ${served}$`, 'm'));
  const [, median] = /^order_size\{quantile="0\.5",shop="main"\} (\S+)$/m.exec(scrape.text)!;
  assert.ok(Number(median) >= 10 && Number(median) <= 11, median);
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: scrape.text, encoding: 'utf8' });
  if (promtool.error === undefined) assert.doesNotMatch(promtool.stderr, /parsing error/);
});

test('finds prom-client in an app of ES modules', async (context) => {
  const { evener, url } = await started(context, ['metrics-esm.mjs', '-w', '2']);
  for (let i = 0; i < 4; i++) await request(url);
  assert.equal((await wholeScrape(evener)).value('hits_total'), 4);
});
