/** Primary process of the node:cluster peer: `node cluster-primary.js <app> <workers>`. */

import cluster from 'node:cluster';

const [, , appPath, workers] = process.argv;

cluster.schedulingPolicy = cluster.SCHED_RR;
cluster.setupPrimary({ exec: appPath ?? '', args: [] });
for (let i = 0; i < Number(workers); i++) cluster.fork();

let isStopping = false;
cluster.on('exit', (worker, code, signal) => {
  if (isStopping) return;
  console.error(`worker ${worker.id} ended with ${signal ?? code}`);
  process.exit(1);
});
process.once('SIGTERM', () => {
  isStopping = true;
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  cluster.disconnect(() => process.exit(0));
});
