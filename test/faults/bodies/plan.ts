import { type Rng, XorShift } from '../../../src/core/rng.ts';

/** How the app is to write a response. */
export type Way =
  /** All of it in one write. */
  | 'once'
  /** In pieces, waiting for 'drain' now and then. */
  | 'pieces'
  /** In pieces from one buffer, which is used again when the app is called back. */
  | 'callbacks'
  | 'piped'
  /** Text and bytes in turn. */
  | 'texts'
  | 'trailers'
  /** Its end is that of the connection. */
  | 'until-close'
  /** What is uploaded, as it comes. */
  | 'echo'
  /** About half of it, and then the app destroys the connection. */
  | 'abandoned';

/** How the app is to read the request's body. */
export type Reading = 'eager' | 'pausing' | 'blocking';

/** What a request is, and what is to become of it. The app gets it as JSON, in the field X-Plan. */
export interface Plan {
  /** Unique in a run. */
  readonly id: number;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** Bytes of the request's body; null = it has none. */
  readonly upload: number | null;
  /** The request has a trailer, and so is chunked. */
  readonly hasTrailer: boolean;
  readonly isUploadChunked: boolean;
  /** It says that it waits for 100, and does not. */
  readonly expectsContinue: boolean;
  readonly reading: Reading;
  /** It is answered before its body has come. */
  readonly isEarly: boolean;
  readonly delayMs: number;
  readonly status: 200 | 204 | 304;
  /** Bytes of the response's body. */
  readonly download: number;
  /** The response says how long it is. */
  readonly isSized: boolean;
  readonly way: Way;
  /** 103 comes first. */
  readonly hasHints: boolean;
  /** Bytes of pattern in the heads. */
  readonly requestHead: number;
  readonly responseHead: number;
  /** Of how both sides cut what they write, and rest. */
  readonly seed: number;
}

/** What can be asked of an app where it runs. */
export interface Abilities {
  /** Responses that end with the connection. */
  readonly endWithClose: boolean;
  /** 100 or 103 before a response. */
  readonly sendInterim: boolean;
}

/** About each limit at which a body or a piece of one travels in another way. */
const EDGES: readonly number[] = [4_096, 8_191, 8_192, 8_193, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537];
const LARGE: readonly number[] = [262_144, 1_048_576];

const WAYS: readonly Way[] = ['once', 'once', 'once', 'pieces', 'callbacks', 'piped', 'texts', 'trailers'];

/** Node's own limit is 16 KiB with all other fields. */
const MAX_HEAD_PATTERN = 11_500;

export function drawPlan(id: number, rng: Rng, can: Abilities): Plan {
  const kind = rng.below(20);
  const method = kind < 7 ? 'GET' : kind === 7 ? 'HEAD' : kind < 15 ? 'POST' : 'PUT';
  const hasBody = method === 'POST' || method === 'PUT';
  const upload = hasBody ? drawSize(rng) : null;
  const hasTrailer = hasBody && rng.below(10) === 0;
  const bodiless = rng.below(20);
  const status = bodiless === 0 ? 204 : bodiless === 1 ? 304 : 200;
  const isClosing = can.endWithClose && method !== 'HEAD' && status === 200 && rng.below(30) === 0;
  const isEcho = hasBody && status === 200 && !isClosing && rng.below(5) === 0;
  const isAbandoned = method !== 'HEAD' && status === 200 && !isClosing && !isEcho && rng.below(40) === 0;
  const anyWay = method === 'HEAD' ? 'once' : WAYS[rng.below(WAYS.length)]!;
  const way = isClosing ? 'until-close' : isEcho ? 'echo' : isAbandoned ? 'abandoned' : anyWay;
  return {
    id,
    method,
    upload,
    hasTrailer,
    isUploadChunked: hasTrailer || rng.below(2) === 0,
    expectsContinue: can.sendInterim && hasBody && rng.below(12) === 0,
    reading: rng.below(4) > 0 ? 'eager' : rng.below(3) > 0 ? 'pausing' : 'blocking',
    // With the connection would end what is still to come of the upload.
    isEarly: !isEcho && !isClosing && rng.below(10) === 0,
    // What is echoed is not to pass before it is.
    delayMs: isEcho ? 0 : drawDelay(rng),
    status,
    // Half of less would be all of it.
    download: isEcho ? upload! : status === 200 ? Math.max(isAbandoned ? 2 : 0, drawSize(rng)) : 0,
    isSized: way !== 'until-close' && way !== 'trailers' && rng.below(3) > 0,
    way,
    hasHints: can.sendInterim && rng.below(15) === 0,
    requestHead: drawHead(rng),
    responseHead: drawHead(rng),
    seed: rng.below(0x7fffffff),
  };
}

/** Chance of its own for one side of a request. @param side so that the two do not draw the same */
export function chanceOf(plan: Plan, side: number): Rng {
  return spread(plan.seed + side);
}

/** Neighbouring seeds give neighbouring first numbers: these do not. */
export function spread(seed: number): Rng {
  const rng = new XorShift(Math.imul(seed + 1, 0x9e3779b1));
  for (let i = 0; i < 4; i++) rng.below(2);
  return rng;
}

/** A download so large that several of them are more than the kernel holds for a client that does not read. */
export function drawDownload(id: number, rng: Rng, can: Abilities): Plan {
  const plan = drawPlan(id, rng, { ...can, endWithClose: false });
  if (plan.way === 'echo' || plan.method === 'HEAD') return plan;
  return { ...plan, status: 200, download: 700_000 + rng.below(400_000), hasHints: false };
}

/** Some are under way for long enough to be met by a fault. */
function drawDelay(rng: Rng): number {
  const kind = rng.below(8);
  if (kind < 5) return 0;
  return kind < 7 ? rng.below(15) : rng.below(200);
}

/** Mostly small: many bodies at once are what mixes. */
function drawSize(rng: Rng): number {
  const kind = rng.below(24);
  if (kind < 3) return rng.below(2);
  if (kind < 7) return rng.below(4_096);
  if (kind < 9) return 20_000 + rng.below(100_000);
  if (kind === 9) return LARGE[rng.below(4) === 0 ? 1 : 0]! - rng.below(2) * rng.below(300);
  const edge = EDGES[rng.below(EDGES.length)]!;
  // With its head it may be the size that counts.
  return rng.below(2) === 0 ? edge : edge - rng.below(400);
}

function drawHead(rng: Rng): number {
  const kind = rng.below(8);
  if (kind < 5) return 0;
  return kind < 7 ? rng.below(1_000) : MAX_HEAD_PATTERN - rng.below(4_000);
}
