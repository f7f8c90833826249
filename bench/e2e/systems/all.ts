/** Every system that can be measured. */

import { cluster } from './cluster.ts';
import { evener } from './evener.ts';
import { evenerProxy } from './evener-proxy.ts';
import { haproxy } from './haproxy.ts';
import { nginx, tunedNginx } from './nginx.ts';
import { node } from './node.ts';
import type { System } from './system.ts';

export const systems: readonly System[] = [evener, evenerProxy, cluster, haproxy, nginx, tunedNginx, node];
