import { strict as assert } from 'node:assert';
import { parentPort, workerData } from 'node:worker_threads';
import { type BalancerBirth, CHANNEL_VERSION, isFromSupervisor } from '../channel/messages.ts';
import { Balancer } from './balancer.ts';

// Entry of a balancer thread.
const birth = workerData as BalancerBirth;
const port = parentPort;
assert(port !== null, 'balancer/main runs in a thread of the supervisor');
assert.equal(birth.version, CHANNEL_VERSION, 'supervisor and balancer are of one version');

const balancer = new Balancer(birth, (message) => port.postMessage(message));
port.on('message', (message: unknown) => {
  assert(isFromSupervisor(message), 'the supervisor sends only what the channel knows');
  balancer.receive(message);
});
await balancer.start(birth.linkPath);
