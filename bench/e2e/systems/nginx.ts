/** nginx with one worker process, as the balancer has one thread, and kept connections on both sides. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, versionOf } from '../executable.ts';
import { LaunchedProcess } from '../proc/launched-process.ts';
import { startProxied } from './proxied-nodes.ts';
import type { Finding, Running, StartPlan, System, SystemName } from './system.ts';

/** Bodies pass through without a stay on disk; every buffer has its default size. */
export const nginx: System = nginxWith('nginx', 'nginx + node', 'proxy_max_temp_file_size 0;');

/**
 * The fastest settings for large bodies that we found: whole large pieces handed straight on, about twice the bytes/s of
 * the default sizes. Beside the ordinary one in the cases that move bytes.
 */
export const tunedNginx: System = nginxWith(
  'nginx-tuned',
  'nginx tuned + node',
  'proxy_buffering off; proxy_buffer_size 128k; proxy_buffers 8 128k; client_body_buffer_size 256k;',
);

function nginxWith(name: SystemName, label: string, bodySettings: string): System {
  return { name, label, find, start: (plan) => start(plan, bodySettings) };
}

function find(): Finding {
  const path = findExecutable('nginx');
  if (path === null) return { missing: 'nginx is not installed: apt-get install nginx-light' };
  return { version: versionOf(path, '-v', /nginx\/(\S+)/) };
}

function start(plan: StartPlan, bodySettings: string): Promise<Running> {
  return startProxied(plan, (port, serverPorts) => {
    const configPath = join(plan.scratchDir, 'nginx.conf');
    writeFileSync(configPath, config(port, serverPorts, plan.scratchDir, bodySettings));
    return LaunchedProcess.launch(
      findExecutable('nginx') ?? 'nginx',
      ['-p', plan.scratchDir, '-c', configPath, '-e', 'stderr'],
      { cwd: plan.scratchDir },
    );
  });
}

function config(port: number, serverPorts: readonly number[], scratchDir: string, bodySettings: string): string {
  const servers = serverPorts.map((serverPort) => `    server 127.0.0.1:${serverPort};`);
  // Started by root, nginx would give its worker to another user, who may not enter our scratch directory.
  const user = process.getuid?.() === 0 ? 'user root root;\n' : '';
  const tempPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${join(scratchDir, kind)};`,
  );
  return `${user}daemon off;
worker_processes 1;
pid ${join(scratchDir, 'nginx.pid')};
error_log stderr warn;

events {
  worker_connections 16384;
}

http {
  access_log off;
${tempPaths.join('\n')}
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_max_body_size 0;

  upstream nodes {
    least_conn;
${servers.join('\n')}
    keepalive 64;
    keepalive_requests 1000000000;
  }

  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://nodes;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      ${bodySettings}
    }
  }
}
`;
}
