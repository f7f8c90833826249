import { setTimeout as sleep } from 'node:timers/promises';
import { BodyClient, type Ended } from './client.ts';
import { type Abilities, drawDownload, drawPlan, type Plan, spread } from './plan.ts';

/** Connections at a time. */
const CLIENTS = 16;

/** Of them. */
const SLUGGISH = 2;

/** What is wrong is told of so many requests. */
const MAX_TOLD = 8;

export interface TrafficSettings {
  readonly url: string;
  readonly seed: number;
  /** Of the first request; the others follow. */
  readonly firstId: number;
  readonly can: Abilities;
}

/** Many connections with requests of all kinds, one connection after the other in each place, until it is told to stop. */
export class Traffic {
  readonly ended: Ended[] = [];
  readonly wrong: string[] = [];
  readonly #settings: TrafficSettings;
  readonly #clients: Promise<void>[];
  #nextId: number;
  #isOver = false;

  constructor(settings: TrafficSettings) {
    this.#settings = settings;
    this.#nextId = settings.firstId;
    this.#clients = Array.from({ length: CLIENTS }, (_, place) => this.#connections(place));
  }

  get nextId(): number {
    return this.#nextId;
  }

  /** Begins nothing more. Resolves when every request has had its end. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** What was wrong, as one text; '' = nothing. */
  static told(wrong: readonly string[]): string {
    const more = wrong.length > MAX_TOLD ? `\n  and ${wrong.length - MAX_TOLD} more` : '';
    return wrong.slice(0, MAX_TOLD).join('\n  ') + more;
  }

  async #connections(place: number): Promise<void> {
    const { url, seed, can } = this.#settings;
    const rng = spread(seed * CLIENTS + place);
    const isSluggish = place < SLUGGISH;
    const draw = (): Plan => (isSluggish ? drawDownload : drawPlan)(this.#nextId++, rng, can);
    while (!this.#isOver) {
      const client = new BodyClient(url, rng, isSluggish ? 'sluggish' : 'mixed');
      await client.run(draw, () => this.#isOver);
      for (const each of client.ended) this.ended.push(each);
      if (client.wrong === null) continue;
      this.wrong.push(client.wrong);
      // What is broken for good is not asked over and over.
      await sleep(100);
    }
  }
}
