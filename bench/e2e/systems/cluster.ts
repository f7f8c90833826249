/** node:cluster with round-robin, as the Node documentation shows it. */

import { fileURLToPath } from 'node:url';
import { waitForAnswer } from '../proc/first-answer.ts';
import { findFreePorts } from '../proc/free-port.ts';
import { processTree } from '../proc/process-tree.ts';
import { launchNode } from './node.ts';
import type { System } from './system.ts';

const primaryPath = fileURLToPath(new URL('cluster-primary.js', import.meta.url));

export const cluster: System = {
  name: 'cluster',
  label: 'node:cluster',
  find: () => ({ version: process.version }),
  async start({ appPath, workers, scratchDir }) {
    const [port] = await findFreePorts(1);
    const primary = launchNode([primaryPath, appPath, String(workers)], port!, scratchDir);
    try {
      const firstAnswerMs = await waitForAnswer(port!, primary);
      return {
        port: port!,
        firstAnswerMs,
        roles: () => ({
          balancer: [primary.pid],
          workers: processTree(primary.pid).filter((pid) => pid !== primary.pid),
        }),
        stop: () => primary.stop(),
      };
    } catch (error) {
      await primary.stop();
      throw error;
    }
  },
};
