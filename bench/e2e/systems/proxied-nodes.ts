/** Plain node servers behind a proxy: what HAProxy and nginx have in common here. */

import { waitForAnswer } from '../proc/first-answer.ts';
import { findFreePorts } from '../proc/free-port.ts';
import type { LaunchedProcess } from '../proc/launched-process.ts';
import { processTree } from '../proc/process-tree.ts';
import { launchNode } from './node.ts';
import type { Running, StartPlan } from './system.ts';

/** Starts the servers, then the proxy, and waits for both. */
export async function startProxied(
  plan: StartPlan,
  launchProxy: (port: number, serverPorts: readonly number[]) => LaunchedProcess,
): Promise<Running> {
  const [port, ...serverPorts] = await findFreePorts(1 + plan.workers);
  const servers = serverPorts.map((serverPort) => launchNode([plan.appPath], serverPort, plan.scratchDir));
  const launched = [...servers];
  const stop = async (): Promise<void> => {
    await Promise.all(launched.map((one) => one.stop()));
  };
  try {
    await Promise.all(servers.map((server, i) => waitForAnswer(serverPorts[i]!, server)));
    const proxy = launchProxy(port!, serverPorts);
    launched.push(proxy);
    await waitForAnswer(port!, proxy);
    const firstAnswerMs = performance.now() - servers[0]!.launchedAtMs;
    return {
      port: port!,
      firstAnswerMs,
      roles: () => ({
        balancer: processTree(proxy.pid),
        workers: servers.flatMap((server) => processTree(server.pid)),
      }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
