import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepOf, WorkerEvent, WorkerState } from '../../src/supervision/worker-state.ts';

/** Every pair, written a second time and in another way than the table: "state event": "next act"; else ignored. */
const STEPS: Record<string, string> = {
  'Starting Admitted': 'Ready announce',
  'Starting Drain': 'Draining drain',
  'Starting Stop': 'Stopping terminate',
  'Starting Kill': 'Stopping kill',
  'Starting Exit': 'Exited bury',
  'Ready Drain': 'Draining drain',
  'Ready Stop': 'Stopping terminate',
  'Ready Kill': 'Stopping kill',
  'Ready Exit': 'Exited bury',
  'Draining Drained': 'Stopping terminate',
  'Draining Stop': 'Stopping terminate',
  'Draining Kill': 'Stopping kill',
  'Draining Exit': 'Exited bury',
  'Stopping Kill': 'Stopping kill',
  'Stopping Exit': 'Exited bury',
};

const stateNames = Object.keys(WorkerState) as (keyof typeof WorkerState)[];
const eventNames = Object.keys(WorkerEvent) as (keyof typeof WorkerEvent)[];

test('every pair of state and event is decided', () => {
  for (const state of stateNames) {
    for (const event of eventNames) {
      const { next, act } = stepOf(WorkerState[state], WorkerEvent[event]);
      assert.equal(`${stateNames[next]} ${act}`, STEPS[`${state} ${event}`] ?? `${state} none`, `${state} ${event}`);
    }
  }
});

test('no state is left upwards', () => {
  for (const state of Object.values(WorkerState)) {
    for (const event of Object.values(WorkerEvent)) assert.ok(stepOf(state, event).next >= state);
  }
});
