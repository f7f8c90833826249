import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { resolveNotify, shownNotify } from '../../src/config/notify.ts';
import { EvenerError } from '../../src/core/evener-error.ts';

const ENV = { SLACK_URL: 'https://hooks.slack.com/services/T/B/hidden', PD_KEY: 'hidden-routing-key', EMPTY: '' };

test('fills in defaults, follows env:NAME, and keeps addresses and keys out of sight', () => {
  const resolved = resolveNotify(
    [
      { type: 'slack', url: 'env:SLACK_URL' },
      { type: 'pagerduty', routingKey: 'env:PD_KEY', minSeverity: 'critical', events: ['crash-loop'] },
      {
        type: 'webhook',
        url: 'https://user:hidden@ops.example/in',
        secret: 'hidden',
        headers: { 'x-key': 'env:PD_KEY' },
      },
      { type: 'alertmanager', url: 'http://127.0.0.1:9093', labels: { team: 'shop' } },
    ],
    ENV,
  );
  assert.deepEqual(
    resolved.map(({ type, minSeverity, events }) => `${type} ${minSeverity} ${events.join()}`),
    ['slack warning ', 'pagerduty critical crash-loop', 'webhook warning ', 'alertmanager warning '],
  );
  assert.equal(resolved[0]!.url.reveal(), ENV.SLACK_URL);
  assert.equal(resolved[1]!.url.reveal(), 'https://events.pagerduty.com/v2/enqueue');
  assert.equal(resolved[1]!.key!.reveal(), ENV.PD_KEY);
  const seen = resolved.map(
    ({ headers: _, ...rest }) => `${JSON.stringify(rest)} ${inspect(rest)} ${rest.url} ${rest.key}`,
  );
  assert.doesNotMatch(seen.join(), /hidden/);
});

test('check shows the type and the host', () => {
  const shown = shownNotify([
    { type: 'slack', url: 'env:SLACK_URL' },
    { type: 'webhook', url: 'https://user:hidden@ops.example/in?key=hidden' },
    { type: 'pagerduty', routingKey: 'hidden' },
    'hidden',
  ]);
  assert.deepEqual(shown, ['slack env:SLACK_URL', 'webhook ops.example', 'pagerduty', 'undefined']);
});

const WRONG: readonly (readonly [unknown, RegExp])[] = [
  [{ type: 'slack' }, /^notify: expected a list/],
  [['https://hidden'], /^notify\[0\]: expected an object/],
  [[{ type: 'slak', url: 'x' }], /^notify\[0\]\.type: expected one of: webhook, .*did you mean slack\?/],
  [[{ type: 'slack', url: 'hidden' }], /^notify\[0\]\.url: expected an address that begins with http/],
  [[{ type: 'slack', url: 'ftp://hidden' }], /^notify\[0\]\.url: expected an address/],
  [[{ type: 'slack', url: 'env:MISSING' }], /^notify\[0\]\.url: the environment variable MISSING is not set/],
  [[{ type: 'slack', url: 'env:EMPTY' }], /variable EMPTY is not set/],
  [[{ type: 'slack' }], /^notify\[0\]\.url: expected an address/],
  [[{ type: 'slack', url: 'https://a', secret: 'hidden' }], /^unknown option notify\[0\]\.secret: known are/],
  [[{ type: 'webhook', url: 'https://a', secert: 'hidden' }], /did you mean secret\?/],
  [[{ type: 'pagerduty' }], /^notify\[0\]\.routingKey: expected a routing key/],
  [
    [{ type: 'slack', url: 'https://a', events: ['worker-dead'] }],
    /^notify\[0\]\.events\[0\]: .*did you mean worker-died\?/,
  ],
  [
    [{ type: 'slack', url: 'https://a', minSeverity: 'high' }],
    /^notify\[0\]\.minSeverity: expected one of: info, warning/,
  ],
  [[{ type: 'webhook', url: 'https://a', headers: { a: 1 } }], /^notify\[0\]\.headers\.a: expected a text/],
];

for (const [value, expected] of WRONG) {
  test(`refuses ${JSON.stringify(value)} without showing it`, () => {
    assert.throws(
      () => resolveNotify(value, ENV),
      (error) => {
        assert.ok(error instanceof EvenerError && error.code === 'EVENER_CONFIG_INVALID');
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /hidden/);
        return true;
      },
    );
  });
}
