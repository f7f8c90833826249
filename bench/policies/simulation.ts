import type { Arrivals } from './arrivals.ts';
import { EventHeap } from './event-heap.ts';
import { type Scenario, slownessOf } from './scenario.ts';
import { SimulatedBalancer } from './simulated-balancer.ts';

/** One way between balancer and target. While an answer is under way the balancer knows less than there is to know. ms */
const WAY_MS = 0.1;

/**
 * Runs all requests past a policy, event by event. Each target has a queue of its own, first come, first served.
 *
 * @returns for each request its time from balancer to target to the end of its service, without the ways. ms
 */
export function simulate(scenario: Scenario, policy: string, arrivals: Arrivals, seed: number): Float64Array {
  const { targets, balancers: count } = scenario;
  const balancers = Array.from({ length: count }, (_, i) => new SimulatedBalancer(policy, targets, seed + i));
  if (scenario.areThreads) {
    for (const balancer of balancers) balancer.shareLoad(balancers.filter((other) => other !== balancer));
  }
  const { atMs, serviceMs, clients } = arrivals;
  const sentTo = new Uint16Array(atMs.length);
  const inHand = new Uint32Array(targets);
  const freeAtMs = new Float64Array(targets);
  const times = new Float64Array(atMs.length);
  /** Requests by when their service ends. */
  const services = new EventHeap();
  /** What targets had in hand when they sent the answer; in order, since all ways are of one length. */
  const reports = new Uint32Array(atMs.length);
  const answers: number[] = [];
  let answered = 0;
  let ended = 0;

  const endMs = (request: number): number => atMs[request]! + WAY_MS + times[request]!;

  const runUntil = (untilMs: number): void => {
    for (;;) {
      const serviceMsNext = services.earliest;
      const answerMs = answered < ended ? endMs(answers[answered]!) + WAY_MS : Number.POSITIVE_INFINITY;
      if (Math.min(serviceMsNext, answerMs) > untilMs) return;
      if (serviceMsNext <= answerMs) {
        const request = services.pop();
        reports[request] = --inHand[sentTo[request]!]!;
        answers[ended++] = request;
      } else {
        const request = answers[answered++]!;
        const balancer = balancers[arrivals.balancers[request]!]!;
        balancer.answered(sentTo[request]!, answerMs - atMs[request]!, reports[request]!, answerMs);
      }
    }
  };

  for (let request = 0; request < atMs.length; request++) {
    const nowMs = atMs[request]!;
    runUntil(nowMs);
    const target = balancers[arrivals.balancers[request]!]!.send(clients[request]!, nowMs);
    sentTo[request] = target;
    inHand[target]!++;
    const arrivesMs = nowMs + WAY_MS;
    freeAtMs[target] = Math.max(freeAtMs[target]!, arrivesMs) + serviceMs[request]! * slownessOf(scenario, target);
    times[request] = freeAtMs[target]! - arrivesMs;
    services.push(freeAtMs[target]!, request);
  }
  return times;
}
