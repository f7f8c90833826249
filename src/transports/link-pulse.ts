import type { Clock } from '../core/clock.ts';
import type { Transport } from '../exchange/transport.ts';
import { MISSED_BEATS } from '../link/ledger.ts';
import { WorkerMeter } from '../observability/worker-meter.ts';
import type { Endpoint } from '../pool/endpoint.ts';

/** A worker whose event loop was held up for this long makes requests wait; it is passed over while others are free. */
const VETO_LOOP_DELAY_MS = 100;

/** What is heard of a worker's event loop. */
export interface PulseEvents {
  /** @param isTurning its event loop turns all the same: requests stand in line there */
  onStalled(silentMs: number, isTurning: boolean): void;
  onRecovered(silentMs: number): void;
  /** It is stalled, and goes on with what it has: its event loop turns. Once a beat at most. */
  onTurning(): void;
}

/** Whether a worker's event loop turns: beats that it answers, and what it tells by itself. */
export class LinkPulse {
  readonly #endpoint: Endpoint<Transport>;
  readonly #clock: Clock;
  readonly #events: PulseEvents;
  #meter = new WorkerMeter();
  #loopDelayMs = 0;
  #utilization = 0;
  #beatSentAtMs = 0;
  #missedBeats = 0;
  /** It has told that its event loop turns, since the last beat. */
  #hasTurned = false;
  /** Who wants to know whether its event loop turns. */
  #askers: ((isAnswer: boolean) => void)[] = [];

  constructor(endpoint: Endpoint<Transport>, clock: Clock, events: PulseEvents) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#events = events;
  }

  /** Where all threads can see it. */
  showOn(meter: WorkerMeter): void {
    this.#meter = meter;
  }

  /** Share of late in which its event loop was busy, 0-1, as of its last answer. */
  get utilization(): number {
    return this.#utilization;
  }

  /** So long requests kept its event loop, as of what it told last. */
  get loopDelayMs(): number {
    return this.#loopDelayMs;
  }

  get isStalled(): boolean {
    return this.#missedBeats >= MISSED_BEATS;
  }

  /** To be called once a beat; at `nowMs` (monotonic). @returns whether it is to be asked now: nothing it was asked is open */
  beat(nowMs: number): boolean {
    if (this.#endpoint.inFlight === 0 || this.#loopDelayMs > VETO_LOOP_DELAY_MS) this.#setLoopDelay(0);
    if (this.#beatSentAtMs === 0) {
      this.#beatSentAtMs = nowMs;
      this.#hasTurned = false;
      this.#meter.setAskedAt(nowMs);
      return true;
    }
    this.#missedBeats++;
    if (this.#missedBeats === MISSED_BEATS) {
      this.#endpoint.setStalled(true);
      this.#meter.setStalled(true);
      this.#events.onStalled(nowMs - this.#beatSentAtMs, this.#hasTurned);
    }
    if (!this.isStalled) return false;
    if (this.#hasTurned) this.#events.onTurning();
    this.#hasTurned = false;
    return false;
  }

  /** It has answered. @param isBeat a beat: it has read all that was sent before that */
  answered(isBeat: boolean, delayMs: number, utilization: number): void {
    this.#utilization = utilization;
    this.#meter.setLoop(delayMs, utilization);
    this.#tellAskers(true);
    if (!isBeat) return;
    const silentMs = this.#clock.nowMs - this.#beatSentAtMs;
    this.#beatSentAtMs = 0;
    this.#missedBeats = 0;
    this.#meter.setAskedAt(0);
    if (!this.#endpoint.isStalled) return;
    this.#endpoint.setStalled(false);
    this.#meter.setStalled(false);
    this.#events.onRecovered(silentMs);
  }

  /** It tells unasked: requests kept its event loop for so long, and it turns now. */
  turned(delayMs: number): void {
    this.#setLoopDelay(delayMs);
    this.#hasTurned = true;
  }

  /** It is about to be asked. @param done hears how long the answer took, ms; null when there was none in time, or will be none */
  awaitAnswer(limitMs: number, done: (tookMs: number | null) => void): void {
    const askedAtMs = performance.now();
    const timer = setTimeout(() => {
      this.#askers = this.#askers.filter((asker) => asker !== answer);
      done(null);
    }, limitMs);
    const answer = (isAnswer: boolean): void => {
      clearTimeout(timer);
      done(isAnswer ? performance.now() - askedAtMs : null);
    };
    this.#askers.push(answer);
  }

  /** It will not answer any more. */
  close(): void {
    this.#tellAskers(false);
  }

  #tellAskers(isAnswer: boolean): void {
    const askers = this.#askers;
    if (askers.length === 0) return;
    this.#askers = [];
    for (const asker of askers) asker(isAnswer);
  }

  #setLoopDelay(delayMs: number): void {
    this.#loopDelayMs = delayMs;
    this.#endpoint.setVetoed(delayMs > VETO_LOOP_DELAY_MS);
  }
}
