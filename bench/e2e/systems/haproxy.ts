/** HAProxy with one thread, as the balancer has one, and kept connections on both sides. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, versionOf } from '../executable.ts';
import { LaunchedProcess } from '../proc/launched-process.ts';
import { startProxied } from './proxied-nodes.ts';
import type { System } from './system.ts';

export const haproxy: System = {
  name: 'haproxy',
  label: 'HAProxy + node',
  find() {
    const path = findExecutable('haproxy');
    if (path === null) return { missing: 'haproxy is not installed: apt-get install haproxy' };
    return { version: versionOf(path, '-v', /version (\S+)/) };
  },
  start(plan) {
    return startProxied(plan, (port, serverPorts) => {
      const configPath = join(plan.scratchDir, 'haproxy.cfg');
      writeFileSync(configPath, config(port, serverPorts));
      return LaunchedProcess.launch(findExecutable('haproxy') ?? 'haproxy', ['-db', '-f', configPath], {
        cwd: plan.scratchDir,
      });
    });
  },
};

/** `maxconn` takes two descriptors a connection, and 9,000 stay within a limit of 20,000. */
function config(port: number, serverPorts: readonly number[]): string {
  const servers = serverPorts.map((serverPort, i) => `  server node${i} 127.0.0.1:${serverPort}`);
  return `global
  nbthread 1
  maxconn 9000

defaults
  mode http
  maxconn 9000
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s

listen bench
  bind 127.0.0.1:${port}
  balance leastconn
${servers.join('\n')}
`;
}
