import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock } from '../../src/core/clock.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Transport } from '../../src/exchange/transport.ts';
import { STREAMS_PER_NOTE } from '../../src/link/ledger.ts';
import { Endpoint } from '../../src/pool/endpoint.ts';
import { LinkStreams } from '../../src/transports/link-streams.ts';
import type { StreamLedger } from '../../src/transports/stream-ledger.ts';

test('what was taken back does not become so old that it seems to be of streams to come', () => {
  const revoked: number[] = [];
  const ledger = { revoke: (stream: number) => revoked.push(stream) > 0, close: () => {} };
  const endpoint = new Endpoint<Transport>(1, {} as Transport, () => {});
  const streams = new LinkStreams(endpoint, new Clock(), () => {}, STREAMS_PER_NOTE);
  streams.setLedger(ledger as unknown as StreamLedger);
  const numbers = [0, 1, 2].map(() => streams.add({ stream: 0 } as Exchange));
  assert.deepEqual(numbers, [STREAMS_PER_NOTE, STREAMS_PER_NOTE + 1, STREAMS_PER_NOTE + 2]);
  assert.deepEqual(revoked, [STREAMS_PER_NOTE]);
});
