import { balancerDeath } from './cases/balancer-death.ts';
import { bodiesServers, bodiesServersTls, bodiesThreads, bodiesWorkers } from './cases/bodies.ts';
import { crashAtBoot, slowBoot } from './cases/boots.ts';
import { fewDescriptors, flood, overload, slowloris } from './cases/crowds.ts';
import { crashMidPost, killAll, killOne, poison, standby } from './cases/deaths.ts';
import { sigtermDeaf, sigtermLong, supervisorKilled } from './cases/ends.ts';
import { leak } from './cases/memory.ts';
import { blocks, endlessLoop, stopContinue } from './cases/stalls.ts';
import { tunnelsServers, tunnelsWorkers } from './cases/tunnels.ts';
import type { Scenario } from './scenario.ts';

/** In the order in which docs/failures.md tells them. */
export const SCENARIOS: readonly Scenario[] = [
  killOne,
  killAll,
  standby,
  crashMidPost,
  poison,
  endlessLoop,
  blocks,
  stopContinue,
  leak,
  crashAtBoot,
  slowBoot,
  sigtermLong,
  sigtermDeaf,
  supervisorKilled,
  bodiesWorkers,
  bodiesThreads,
  bodiesServers,
  bodiesServersTls,
  tunnelsWorkers,
  tunnelsServers,
  balancerDeath,
  flood,
  overload,
  slowloris,
  fewDescriptors,
];
