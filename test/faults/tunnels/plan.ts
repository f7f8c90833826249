import type { Rng } from '../../../src/core/rng.ts';

/** Who ends its side without having seen the end of the other. */
export type Ender = 'client' | 'app' | 'both';

/** What a tunnel is, and what is to become of it. The app gets it as JSON, in the field X-Plan. */
export interface TunnelPlan {
  /** Unique in a run. */
  readonly id: number;
  /** Its bytes go in frames of RFC 6455, between which Evener may say goodbye. */
  readonly isWebSocket: boolean;
  /** Bytes of pattern from the client, and from the app. */
  readonly up: number;
  readonly down: number;
  /** The app declines, with a body of {@link down} bytes. */
  readonly isDeclined: boolean;
  /** The client sends before it knows that it may. */
  readonly isEager: boolean;
  readonly ender: Ender;
  /** Who destroys its end in the middle. */
  readonly leaver: 'nobody' | 'client' | 'app';
  readonly pausing: 'nobody' | 'client' | 'app';
  /** Both ends take their time: it lasts long enough to be met by a fault. */
  readonly isSlow: boolean;
  /** Of how both ends cut what they write, and rest. */
  readonly seed: number;
}

const ENDERS: readonly Ender[] = ['client', 'app', 'both'];

/** About each limit at which a piece or a frame travels in another way. */
const EDGES: readonly number[] = [125, 126, 16_384, 65_535, 65_536, 131_072];

export function drawTunnel(id: number, rng: Rng): TunnelPlan {
  const isDeclined = rng.below(12) === 0;
  const conduct = rng.below(10);
  const pace = rng.below(6);
  return {
    id,
    isWebSocket: rng.below(2) === 0,
    up: drawSize(rng),
    down: isDeclined ? rng.below(20_000) : drawSize(rng),
    isDeclined,
    // Unread bytes of a client that is declined reset its connection, as on any server.
    isEager: !isDeclined && rng.below(3) === 0,
    ender: ENDERS[rng.below(ENDERS.length)]!,
    leaver: isDeclined || conduct > 1 ? 'nobody' : conduct === 0 ? 'client' : 'app',
    pausing: pace > 1 ? 'nobody' : pace === 0 ? 'client' : 'app',
    isSlow: rng.below(8) === 0,
    seed: rng.below(0x7fffffff),
  };
}

function drawSize(rng: Rng): number {
  const kind = rng.below(10);
  if (kind === 0) return 0;
  if (kind < 4) return rng.below(4_096);
  if (kind < 7) return EDGES[rng.below(EDGES.length)]! - rng.below(20);
  return kind < 9 ? rng.below(200_000) : rng.below(1_000_000);
}
