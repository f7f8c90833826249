/** Bare node: the app as a single process, with nothing in front. The reference for what the others add. */

import { waitForAnswer } from '../proc/first-answer.ts';
import { findFreePorts } from '../proc/free-port.ts';
import { LaunchedProcess } from '../proc/launched-process.ts';
import { processTree } from '../proc/process-tree.ts';
import type { System } from './system.ts';

export const node: System = {
  name: 'node',
  label: 'bare node',
  find: () => ({ version: process.version }),
  async start({ appPath, scratchDir }) {
    const [port] = await findFreePorts(1);
    const server = launchNode([appPath], port!, scratchDir);
    try {
      const firstAnswerMs = await waitForAnswer(port!, server);
      return {
        port: port!,
        firstAnswerMs,
        roles: () => ({ balancer: [], workers: processTree(server.pid) }),
        stop: () => server.stop(),
      };
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};

/** The same Node binary for every system, with the port where the apps look for it. */
export function launchNode(args: readonly string[], port: number, cwd: string): LaunchedProcess {
  return LaunchedProcess.launch(process.execPath, args, { cwd, env: { PORT: String(port) } });
}
