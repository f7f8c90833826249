import { CookieTokens } from '../balancing/cookie-tokens.ts';
import { type Handshake, HandshakeReader, isEngineIo } from '../balancing/engine-io.ts';
import { keyOf } from '../balancing/key-source.ts';
import { Maglev } from '../balancing/maglev.ts';
import { NO_KEY } from '../balancing/policy.ts';
import { markOf, NO_MARK, type SessionTable } from '../balancing/session-table.ts';
import type { Sticky } from '../config/sticky.ts';
import type { Rng } from '../core/rng.ts';
import { queryValue } from '../http1/request-lines.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Pool } from '../pool/pool.ts';
import type { Exchange } from './exchange.ts';
import type { Transport } from './transport.ts';

/** What affinities of an instance have in common. */
export interface AffinityParts {
  readonly sessions: SessionTable;
  /** Of the supervisor's life, or the user's own: cookies are signed with it. */
  readonly secret: string;
  readonly rng: Rng;
}

/**
 * Keeps what belongs together at one endpoint of a pool, before the policy is asked: by the session id of Socket.IO, by a
 * cookie of ours, or by a key of the request. A preference only: if that endpoint is gone the policy finds another.
 */
export class Affinity {
  readonly #pool: Pool<Transport>;
  readonly #sessions: SessionTable | null;
  readonly #tokens: CookieTokens | null;
  readonly #sticky: Sticky;
  /** Where keys lead, for stickiness by hash; null without. */
  readonly #byKey: Maglev | null;
  /** By {@link markOf}. */
  readonly #byMark = new Map<number, Endpoint<Transport>>();
  readonly #byIdentity = new Map<string, Endpoint<Transport>>();

  constructor(sticky: Sticky, pool: Pool<Transport>, scope: string, parts: AffinityParts) {
    this.#sticky = sticky;
    this.#pool = pool;
    this.#sessions = sticky.learnsSessions ? parts.sessions : null;
    this.#tokens = sticky.cookie === null ? null : new CookieTokens(sticky.cookie, parts.secret, scope);
    this.#byKey = sticky.hash === null ? null : new Maglev(parts.rng);
    this.membersChanged();
  }

  membersChanged(): void {
    const { members } = this.#pool;
    this.#byMark.clear();
    this.#byIdentity.clear();
    for (const endpoint of members) {
      this.#byMark.set(markOf(endpoint.identity, endpoint.incarnation), endpoint);
      // Of two that have the same place, as during a reload, the newer one.
      this.#byIdentity.set(endpoint.identity, endpoint);
    }
    this.#tokens?.set(this.#byIdentity.keys());
    this.#byKey?.membersChanged(members);
  }

  /** Notes where a new request belongs, if anywhere. */
  admitted(exchange: Exchange): void {
    if (this.#sessions !== null && isEngineIo(exchange.lines, exchange.targetOffset, exchange.targetLength)) {
      if (this.#preferSession(exchange, this.#sessions)) return;
    }
    if (this.#tokens !== null && exchange.lines !== '') {
      const identity = this.#tokens.read(exchange.lines);
      if (identity !== null) exchange.prefer = usable(this.#byIdentity.get(identity));
    }
    if (exchange.prefer === null && this.#byKey !== null && exchange.lines !== '')
      this.#preferByKey(exchange, this.#byKey);
  }

  /** The request is about to be sent to this endpoint. */
  opening(exchange: Exchange, endpoint: Endpoint<Transport>): void {
    if (this.#tokens === null || exchange.lines === '') return;
    const isTold = this.#tokens.read(exchange.lines) === endpoint.identity;
    exchange.addedLines = isTold ? '' : this.#tokens.line(endpoint.identity, exchange.client.isSecure);
  }

  /** Whether the request may still go where it belongs: that is there, and not going. */
  holds({ prefer, avoid, isBound }: Exchange): boolean {
    if (prefer === null || prefer === avoid || !this.#pool.members.has(prefer)) return false;
    // One that stalls may come back, and it alone has the session.
    return prefer.isUsable || (isBound && prefer.isEnabled && prefer.isStalled);
  }

  /** @returns whether the session is known. */
  #preferSession(exchange: Exchange, sessions: SessionTable): boolean {
    const sid = queryValue(exchange.target, 'sid');
    if (sid === null) {
      // Over a WebSocket the session is the connection.
      if (!exchange.wantsUpgrade) exchange.watch = new SessionWatch(sessions);
      return false;
    }
    const mark = sessions.find(sid);
    if (mark === NO_MARK) return false;
    exchange.prefer = this.#byMark.get(mark) ?? null;
    exchange.isBound = exchange.prefer !== null;
    return exchange.isBound;
  }

  #preferByKey(exchange: Exchange, byKey: Maglev): void {
    const key = keyOf(this.#sticky.hash!, exchange);
    if (key !== NO_KEY) exchange.prefer = byKey.pick(this.#pool.usable, null, key);
  }
}

/** Looks for the id of a new session in the body of an answer, before that goes on to the client. */
export class SessionWatch {
  readonly #sessions: SessionTable;
  readonly #reader = new HandshakeReader();

  constructor(sessions: SessionTable) {
    this.#sessions = sessions;
  }

  /** @returns whether there is more to look for. */
  see(endpoint: Endpoint<Transport>, bytes: Buffer, from: number, to: number): boolean {
    const handshake: Handshake | null = this.#reader.read(bytes, from, to);
    if (handshake === null) return !this.#reader.isOver;
    this.#sessions.remember(handshake.sid, markOf(endpoint.identity, endpoint.incarnation), handshake.ttlMs);
    return false;
  }
}

function usable<T>(endpoint: Endpoint<T> | undefined): Endpoint<T> | null {
  return endpoint?.isUsable ? endpoint : null;
}
