import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type LoadReport,
  loadFormatOf,
  loadReportLine,
  parseLoadReport,
  utilizationOf,
} from '../../src/http1/load-report.ts';

const NOTHING: LoadReport = {
  cpuUtilization: -1,
  memUtilization: -1,
  applicationUtilization: -1,
  rps: -1,
  eps: -1,
  peakUtilization: -1,
  inFlight: -1,
};

/** A field of a double, as protocol buffers write it. */
function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = field * 8 + 1;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

/** An entry of a map, field 1 its key and field 2 its value. */
function entry(field: number, key: string, value: number): Buffer {
  const inner = Buffer.concat([Buffer.from([0x0a, key.length]), Buffer.from(key), double(2, value)]);
  return Buffer.concat([Buffer.from([field * 8 + 2, inner.length]), inner]);
}

const BINARY = Buffer.concat([
  double(1, 0.5),
  Buffer.from([0x18, 0x96, 0x01]),
  entry(4, 'cost', 3),
  entry(5, 'disk', 0.75),
  entry(5, 'pool', 0.25),
  double(7, 2),
]).toString('base64');

describe('a report is read', () => {
  for (const [what, text, binary, expected] of [
    ['as text', 'TEXT cpu_utilization=0.5, rps_fractional=10', '', { cpuUtilization: 0.5, rps: 10 }],
    ['as text in small letters', 'text mem_utilization=0.25', '', { memUtilization: 0.25 }],
    ['as text with what nobody here knows', 'TEXT named_metrics.queue=7,cpu_utilization=1', '', { cpuUtilization: 1 }],
    ['as text with named utilizations', 'TEXT utilization.a=0.1,utilization.b=0.4', '', { peakUtilization: 0.4 }],
    ['as text with what is in hand', 'TEXT named_metrics.in_flight=7', '', { inFlight: 7 }],
    ['as JSON with what is in hand', 'JSON {"namedMetrics":{"in_flight":7,"queue":1}}', '', { inFlight: 7 }],
    ['in protocol buffers with what is in hand', '', entry(8, 'in_flight', 7).toString('base64'), { inFlight: 7 }],
    ['past named metrics that are below 0', '', entry(8, 'drift', -1).toString('base64'), {}],
    ['as JSON', 'JSON {"cpu_utilization":0.5,"eps":1}', '', { cpuUtilization: 0.5, eps: 1 }],
    [
      'as JSON in the names of protocol buffers',
      'JSON {"applicationUtilization":0.5}',
      '',
      { applicationUtilization: 0.5 },
    ],
    ['as JSON with maps', 'JSON {"utilization":{"a":0.1,"b":0.2}}', '', { peakUtilization: 0.2 }],
    ['as bare JSON', '{"rps":3}', '', { rps: 3 }],
    ['in protocol buffers', '', BINARY, { cpuUtilization: 0.5, rps: 150, peakUtilization: 0.75, eps: 2 }],
    [
      'in protocol buffers under the other name',
      `BIN ${BINARY}`,
      '',
      { cpuUtilization: 0.5, rps: 150, peakUtilization: 0.75, eps: 2 },
    ],
  ] as const) {
    test(what, () => assert.deepEqual(parseLoadReport(text, binary), { ...NOTHING, ...expected }));
  }
});

describe('what is no report means nothing', () => {
  for (const [text, binary] of [
    ['', ''],
    ['TEXT', ''],
    ['TEXT cpu_utilization', ''],
    ['TEXT cpu_utilization=', ''],
    ['TEXT cpu_utilization=x', ''],
    ['TEXT cpu_utilization=-1', ''],
    ['TEXT cpu_utilization=Infinity', ''],
    ['JSON [1]', ''],
    ['JSON {"cpu_utilization":"high"}', ''],
    ['JSON {', ''],
    ['XML <a/>', ''],
    ['cpu_utilization=1', ''],
    [`TEXT cpu_utilization=${'1'.repeat(5000)}`, ''],
    ['', '!!!'],
    ['', double(1, Number.NaN).toString('base64')],
    ['', double(1, 0.5).subarray(0, 5).toString('base64')],
    ['', Buffer.from([0x2a, 0x7f]).toString('base64')],
    ['', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).toString('base64')],
  ] as const) {
    test(JSON.stringify([text.slice(0, 40), binary]), () => assert.equal(parseLoadReport(text, binary), null));
  }

  test('whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.string({ maxLength: 60 }), (bytes, text) => {
        for (const report of [
          parseLoadReport('', Buffer.from(bytes).toString('base64')),
          parseLoadReport(`TEXT ${text}`, ''),
          parseLoadReport(`JSON ${text}`, ''),
        ]) {
          for (const value of Object.values(report ?? NOTHING))
            assert.ok(value === -1 || (value >= 0 && value < Infinity));
        }
      }),
    );
  });
});

test('what is written is read as the same', () => {
  const report = {
    ...NOTHING,
    cpuUtilization: 0.25,
    memUtilization: 0.5,
    applicationUtilization: 0.125,
    rps: 1000.5,
    inFlight: 3,
  };
  for (const format of ['text', 'json', 'bin'] as const) {
    const line = loadReportLine(report, format);
    const [, name, value] = /^([a-z-]+): (.+)\r\n$/.exec(line)!;
    const read = name === 'endpoint-load-metrics' ? parseLoadReport(value!, '') : parseLoadReport('', value!);
    assert.deepEqual(read, report, line);
  }
});

test('the app’s own figure counts before the processor’s, and that before others', () => {
  assert.equal(utilizationOf({ ...NOTHING, applicationUtilization: 0.3, cpuUtilization: 0.9 }), 0.3);
  assert.equal(utilizationOf({ ...NOTHING, applicationUtilization: 0, cpuUtilization: 0.9 }), 0.9);
  assert.equal(utilizationOf({ ...NOTHING, peakUtilization: 0.7 }), 0.7);
  assert.equal(utilizationOf(NOTHING), -1);
});

test('reports are asked for in three forms', () => {
  assert.deepEqual([' TEXT ', 'json', 'Bin', 'xml', ''].map(loadFormatOf), ['text', 'json', 'bin', null, null]);
});
