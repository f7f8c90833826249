import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppPlaces } from '../../src/supervision/app-places.ts';

test('a new worker is waited for where several workers of its app have listened', () => {
  const places = new AppPlaces();
  for (const worker of [1, 2]) {
    places.listened('127.0.0.1 80', worker);
    places.listened(`127.0.0.1 ${9000 + worker}`, worker);
    // As each balancer thread tells.
    places.listened(`127.0.0.1 ${9000 + worker}`, worker);
  }
  assert.deepEqual(places.wanted(['127.0.0.1 80', '127.0.0.1 9001', '127.0.0.1 9002'], false), ['127.0.0.1 80']);
  places.closed('127.0.0.1 80');
  places.listened('127.0.0.1 80', 3);
  assert.deepEqual(places.wanted(['127.0.0.1 80'], false), []);
});

test('a place that new workers have given up is waited for again with the next version', () => {
  const places = new AppPlaces();
  for (const worker of [1, 2]) places.listened('127.0.0.1 80', worker);
  places.giveUp(['127.0.0.1 80']);
  assert.deepEqual(places.wanted(['127.0.0.1 80'], false), []);
  places.beginGeneration();
  assert.deepEqual(places.wanted(['127.0.0.1 80'], false), ['127.0.0.1 80']);
});

test('the only worker of an app is followed wherever it listened, until a place has proved to be its own', () => {
  const places = new AppPlaces();
  for (const place of ['80', '9001']) places.listened(place, 1);
  assert.deepEqual(places.wanted(['80', '9001'], true), ['80', '9001']);
  places.listened('80', 2);
  places.giveUp(['9001']);
  places.beginGeneration();
  places.listened('9002', 2);
  assert.deepEqual(places.wanted(['80', '9002'], true), ['80']);
});
