import { servers, workers } from '../bodies/backend.ts';
import { bodiesUnderFaults } from '../bodies/run.ts';
import type { Scenario } from '../scenario.ts';

const EVENT = 'requests with bodies of all sizes and framings, pipelined, slow and given up';
const PROMISE =
  'no byte of another, none missing or twice; what is cut off is seen to be; only what a killed one had in hand fails, and no POST is run twice';

export const bodiesWorkers: Scenario = {
  name: 'bodies-workers',
  event: `${EVENT}, while workers are killed, stopped and replaced`,
  promise: PROMISE,
  run: (rig) => bodiesUnderFaults(rig, 'bodies-workers', (_, file) => workers(rig, file, 1)),
};

export const bodiesThreads: Scenario = {
  name: 'bodies-threads',
  event: 'the same with two balancer threads',
  promise: PROMISE,
  run: (rig) => bodiesUnderFaults(rig, 'bodies-threads', (_, file) => workers(rig, file, 2)),
};

export const bodiesServers: Scenario = {
  name: 'bodies-servers',
  event: `${EVENT}, while servers are killed, stopped and taken out`,
  promise: PROMISE,
  run: (rig) => bodiesUnderFaults(rig, 'bodies-servers', (folder, file) => servers(rig, folder, file, false)),
};

export const bodiesServersTls: Scenario = {
  name: 'bodies-servers-tls',
  event: 'the same over TLS',
  promise: PROMISE,
  run: (rig) => bodiesUnderFaults(rig, 'bodies-servers-tls', (folder, file) => servers(rig, folder, file, true)),
};
