/**
 * `node --import evener/loopback any-test.js`: servers of this process listen through a whole data path of Evener's, a
 * balancer thread within the process and the link to it, so that any test suite can be run through Evener unchanged.
 */
import { isMainThread } from 'node:worker_threads';
import { WORKER_BIRTH_VARIABLE } from '../channel/worker-birth.ts';
import { Links } from '../worker/links.ts';
import { captureListen } from '../worker/listen-capture.ts';
import { BalancerDesk } from './desk.ts';

// A worker of Evener's has a balancer already.
if (isMainThread && process.env[WORKER_BIRTH_VARIABLE] === undefined) {
  const desk = new BalancerDesk();
  captureListen({
    current: null,
    desk,
    dial() {
      this.current ??= new Links(desk.birth);
      return this.current;
    },
  });
}
