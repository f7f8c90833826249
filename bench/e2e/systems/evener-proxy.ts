/** Evener before plain node servers, as HAProxy and nginx are: no link, HTTP/1.1 on both sides, every setting at its default. */

import { existsSync } from 'node:fs';
import { describeMachine } from '../machine.ts';
import { LaunchedProcess } from '../proc/launched-process.ts';
import { evenerPath } from '../repository.ts';
import { startProxied } from './proxied-nodes.ts';
import type { System } from './system.ts';

export const evenerProxy: System = {
  name: 'evener-proxy',
  label: 'evener proxy + node',
  find: () =>
    existsSync(evenerPath) ? { version: describeMachine().evener } : { missing: 'not built: run `npm run build`' },
  start: (plan) =>
    startProxied(plan, (port, serverPorts) => {
      const servers = serverPorts.map((serverPort) => `http://127.0.0.1:${serverPort}`);
      const args = [evenerPath, 'proxy', ...servers, '--port', String(port), '--name', `bench-${port}`];
      return LaunchedProcess.launch(process.execPath, args, { cwd: plan.scratchDir });
    }),
};
