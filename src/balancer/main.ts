import { strict as assert } from 'node:assert';
import { parentPort } from 'node:worker_threads';
import { type BalancerBirth, CHANNEL_VERSION, isFromSupervisor } from '../channel/messages.ts';
import { Balancer } from './balancer.ts';

// Entry of a balancer thread.
const port = parentPort;
assert(port !== null, 'balancer/main runs in a thread of the supervisor');
let balancer: Balancer | null = null;

port.on('message', (message: unknown) => {
  if (balancer === null) {
    balancer = born(message as BalancerBirth);
    return;
  }
  assert(isFromSupervisor(message), 'the supervisor sends only what the channel knows');
  balancer.receive(message);
});

function born(birth: BalancerBirth): Balancer {
  assert.equal(birth.version, CHANNEL_VERSION, 'supervisor and balancer are of one version');
  const made = new Balancer(birth, (message) => port!.postMessage(message));
  // A rejection ends the thread, with what it says as the cause.
  void made.start(birth.linkPath);
  return made;
}
