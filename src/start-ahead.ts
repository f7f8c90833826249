import { ownFile } from './core/own-files.ts';
import { startThreadAhead } from './supervision/thread-start.ts';

/** To be called first in a process that is most likely to start a supervisor: what that needs anyway begins to load. */
export function startAhead(): void {
  startThreadAhead(ownFile('balancer/main.js'));
}
