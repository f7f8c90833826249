/** Evener as a user starts it, every setting at its default but the number of workers and the port. */

import { existsSync } from 'node:fs';
import { describeMachine } from '../machine.ts';
import { waitForAnswer } from '../proc/first-answer.ts';
import { findFreePorts } from '../proc/free-port.ts';
import { hasEnvironment, processTree } from '../proc/process-tree.ts';
import { evenerPath } from '../repository.ts';
import { launchNode } from './node.ts';
import type { Roles, System } from './system.ts';

export const evener: System = {
  name: 'evener',
  label: 'evener',
  find: () =>
    existsSync(evenerPath) ? { version: describeMachine().evener } : { missing: 'not built: run `npm run build`' },
  async start({ appPath, workers, scratchDir }) {
    const [port] = await findFreePorts(1);
    // A name of its own, so that it never meets another instance that was started from this repository.
    const args = [evenerPath, appPath, '-w', String(workers), '--port', String(port), '--name', `bench-${port}`];
    const supervisor = launchNode(args, port!, scratchDir);
    try {
      const firstAnswerMs = await waitForAnswer(port!, supervisor);
      return {
        port: port!,
        firstAnswerMs,
        roles: () => rolesUnder(supervisor.pid),
        stop: () => supervisor.stop(),
      };
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
  },
};

/** A worker and what it starts carry EVENER_WORKER_ID; the supervisor and any process that helps it do not. */
function rolesUnder(supervisorPid: number): Roles {
  const balancer: number[] = [];
  const workers: number[] = [];
  for (const pid of processTree(supervisorPid)) {
    if (hasEnvironment(pid, 'EVENER_WORKER_ID')) workers.push(pid);
    else balancer.push(pid);
  }
  return { balancer, workers };
}
