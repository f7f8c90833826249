import { servers, workers } from '../bodies/backend.ts';
import type { Scenario } from '../scenario.ts';
import { TUNNELS_APP, tunnelsUnderFaults } from '../tunnels/run.ts';

const EVENT = 'WebSockets and other upgrades, ended by either side, half-closed, slow and given up';
const PROMISE =
  'no byte is wrong or missing in either direction, and each end is told; only what a killed one had in hand is cut off';

export const tunnelsWorkers: Scenario = {
  name: 'tunnels-workers',
  event: `${EVENT}, while workers are killed, stopped and replaced`,
  promise: `${PROMISE}; of a reload WebSockets are told with 1012`,
  run: (rig) => tunnelsUnderFaults(rig, 'tunnels-workers', (_, file) => workers(rig, file, 1, TUNNELS_APP)),
};

export const tunnelsServers: Scenario = {
  name: 'tunnels-servers',
  event: `${EVENT}, while servers are killed, stopped and taken out`,
  promise: PROMISE,
  run: (rig) => {
    return tunnelsUnderFaults(rig, 'tunnels-servers', (folder, file) => servers(rig, folder, file, false, TUNNELS_APP));
  },
};
