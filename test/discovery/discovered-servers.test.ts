import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceOptions } from '../../src/config/upstream.ts';
import { DiscoveredServers, type WantedServers } from '../../src/discovery/discovered-servers.ts';
import type { SourceObserver } from '../../src/discovery/source.ts';
import { DEFAULTS } from './support.ts';

const server = (url: string) => ({ ...DEFAULTS, url });
const source = (url: string, weight: number = 1): SourceOptions => {
  return { ...DEFAULTS, url, weight, address: { kind: 'file', path: '/x' } };
};
const wanted = (servers: string[], ...sources: SourceOptions[]): WantedServers => {
  return { servers: servers.map(server), sources };
};

/** Sources whose words are put into their mouths. */
function discovery(first: WantedServers) {
  const opened = new Map<string, SourceObserver>();
  const closed: string[] = [];
  const events: string[] = [];
  const servers = new DiscoveredServers(
    first,
    {
      serversChanged: (added, removed) => events.push(`+${added.join()} -${removed.join()}`),
      sourceFailed: (url, reason, isPartial) => events.push(`${url} ${isPartial ? 'in part' : 'failed'}: ${reason}`),
      sourceWorks: (url) => events.push(`${url} works`),
    },
    ({ url }, observer) => {
      opened.set(url, observer);
      return { close: () => closed.push(url) };
    },
  );
  return { servers, opened, closed, events, urls: () => servers.servers.map(({ url }) => url) };
}

test('puts named and found servers together, each once, and tells only what changes', () => {
  const { servers, opened, events, urls } = discovery(wanted(['n'], source('s'), source('t')));
  assert.deepEqual(urls(), ['n']);
  opened.get('s')!.found([server('a'), server('n')]);
  opened.get('t')!.found([server('a'), server('b')]);
  assert.deepEqual(urls(), ['n', 'a', 'b']);
  opened.get('s')!.found([]);
  assert.deepEqual(urls(), ['n', 'a', 'b']);
  opened.get('t')!.found([server('b')]);
  assert.deepEqual(events, ['+a -', '+b -', '+ -a']);
  assert.equal(servers.sourceOf('n'), null);
  assert.equal(servers.sourceOf('b'), 't');
});

test('a source that fails takes nothing away, and is told of once', () => {
  const { servers, opened, events, urls } = discovery(wanted([], source('s')));
  const s = opened.get('s')!;
  s.found([server('a')]);
  s.failed('gone');
  s.failed('gone');
  assert.deepEqual(urls(), ['a']);
  assert.equal(servers.sources[0]!.error, 'gone');
  s.found([server('a')]);
  s.found([server('a'), server('b')], 'c is none');
  assert.deepEqual(urls(), ['a', 'b']);
  assert.deepEqual(events, ['+a -', 's failed: gone', 's works', '+b -', 's in part: c is none']);
});

test('options that are read again keep what sources know that stay', () => {
  const { servers, opened, closed, events, urls } = discovery(wanted(['n'], source('s'), source('t')));
  const [s, t] = [opened.get('s')!, opened.get('t')!];
  s.found([server('a')]);
  t.found([server('b')]);
  t.failed('gone');
  events.length = 0;
  servers.configure(wanted(['m'], source('s')));
  assert.deepEqual(urls(), ['m', 'a']);
  assert.deepEqual(closed, ['t']);
  assert.equal(opened.get('s'), s);
  t.found([server('z')]);
  assert.deepEqual(urls(), ['m', 'a']);
  // Who reads the options anew tells by themselves what they change.
  assert.deepEqual(events, ['t works']);
  servers.configure(wanted(['m'], source('s', 2)));
  assert.notEqual(opened.get('s'), s);
  assert.deepEqual(closed, ['t', 's']);
  assert.deepEqual(urls(), ['m', 'a']);
});

test('servers of before hold where a reload has made sources of them, until one has said what there is', () => {
  const { servers, opened, events, urls } = discovery(wanted(['a', 'b']));
  servers.configure(wanted([], source('s')));
  assert.deepEqual(urls(), ['a', 'b']);
  opened.get('s')!.failed('gone');
  servers.configure(wanted([], source('s')));
  assert.deepEqual(urls(), ['a', 'b']);
  opened.get('s')!.found([server('b')]);
  assert.deepEqual(urls(), ['b']);
  assert.deepEqual(events, ['s failed: gone', '+ -a', 's works']);
  servers.configure(wanted(['c'], source('t')));
  assert.deepEqual(urls(), ['c']);
});
