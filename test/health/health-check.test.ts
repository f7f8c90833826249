import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HealthRules } from '../../src/config/health.ts';
import { XorShift } from '../../src/core/rng.ts';
import { faultOf, HealthCheck, HealthVerdict, type ProbeResult } from '../../src/health/health-check.ts';
import { until } from '../support/until.ts';

const RULES: HealthRules = {
  type: 'http',
  method: 'GET',
  path: '/',
  host: null,
  statuses: [
    [200, 299],
    [304, 304],
  ],
  body: null,
  intervalMs: 20,
  timeoutMs: 20,
  rise: 2,
  fall: 3,
};

const GOOD: ProbeResult = { isOk: true, reason: '', status: 200 };

describe('an answer is good', () => {
  for (const [status, body, wanted, fault] of [
    [200, '', null, null],
    [304, '', null, null],
    [303, '', null, 'status 303'],
    [500, 'fine', 'fine', 'status 500'],
    [200, 'all is fine', 'fine', null],
    [200, 'sick', 'fine', 'not the body that is expected'],
  ] as const) {
    test(`${status} ${JSON.stringify(body)}: ${fault ?? 'yes'}`, () => {
      assert.equal(faultOf({ ...RULES, body: wanted }, status, body), fault);
    });
  }
});

describe('the verdict', () => {
  /** + and - are good and bad answers; what comes out is the verdict after each. */
  function verdicts(answers: string): string {
    const verdict = new HealthVerdict(RULES);
    return [...answers]
      .map((answer) => {
        const before = verdict.isHealthy;
        assert.equal(verdict.observe(answer === '+'), verdict.isHealthy !== before, 'tells of changes alone');
        return verdict.isHealthy ? '+' : '-';
      })
      .join('');
  }

  for (const [what, answers, expected] of [
    ['takes three bad answers in a row', '+---', '+++-'],
    ['begins anew after a good one', '+--+--+---', '+++++++++-'],
    ['takes two good ones to come back', '+---+-++', '+++----+'],
    ['goes by the first answer alone where there is no other', '-', '-'],
    ['comes back as ever after that', '-++', '--+'],
  ] as const) {
    test(what, () => assert.equal(verdicts(answers), expected));
  }
});

test('checks go on and on, tell of the first verdict and of changes, and end when they are closed', async () => {
  const answers: ProbeResult[] = [
    GOOD,
    ...Array.from({ length: 3 }, () => ({ isOk: false, reason: 'status 500', status: 500 })),
  ];
  let probes = 0;
  const told: string[] = [];
  const check = new HealthCheck(
    RULES,
    async () => answers[probes++] ?? GOOD,
    new XorShift(1),
    (isHealthy, reason) => told.push(`${isHealthy} ${reason}`),
  );
  await until('it to come back', () => told.length === 3);
  check.close();
  assert.deepEqual(told, ['true ', 'false status 500', 'true ']);
  const after = probes;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(probes <= after + 1);
});
