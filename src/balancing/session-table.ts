import { hash32, mix32 } from '../core/hash.ts';

/**
 * Layout: for each balancer thread a region in which it alone makes entries, of {@link SETS} sets of {@link WAYS}. A
 * session is in the set that its hash gives. All words are u32. The version is odd while an entry is being made, and
 * another one afterwards; only the time at which it expires is set by every thread that meets the session.
 */
const SETS = 8192;
const WAYS = 8;
const Word = { Version: 0, Tag: 1, Tag2: 2, MarkLow: 3, MarkHigh: 4, ExpiresAt: 5, Ttl: 6 } as const;
const WORDS = 7;
const REGION = SETS * WAYS * WORDS;

/** After its ping times a session is remembered so much longer. s */
const GRACE_SECONDS = 5;

/** In place of the mark of a session that is not known. */
export const NO_MARK = -1;

/**
 * Which endpoint has which session: memory that all balancer threads share, so that what one has learned from an answer
 * the others know before the client can have read it. Messages would come after that, now and then. It outlives the
 * threads, and is bounded: 65,536 sessions a thread, of which in a full set the one that would expire first makes room.
 *
 * Sessions are known by 64 bits of hash. A client that found a second id of the same hash would reach another endpoint,
 * which would not know it.
 */
export class SessionTable {
  readonly #words: Int32Array;
  readonly #thread: number;
  readonly #threads: number;
  readonly #nowSeconds: () => number;

  /** @param nowSeconds monotonic, and the same in all threads */
  constructor(memory: SharedArrayBuffer, thread: number, nowSeconds: () => number = systemSeconds) {
    this.#words = new Int32Array(memory);
    this.#thread = thread;
    this.#threads = Math.floor(this.#words.length / REGION);
    this.#nowSeconds = nowSeconds;
  }

  /** Its pages take no room until they are written. */
  static memoryFor(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(threads * REGION * Int32Array.BYTES_PER_ELEMENT);
  }

  /** @param mark of the endpoint, see {@link markOf} */
  remember(sid: string, mark: number, ttlMs: number): void {
    const tag = hash32(sid);
    const tag2 = secondHash(sid);
    const ttlSeconds = Math.ceil(ttlMs / 1000) + GRACE_SECONDS;
    const entry = this.#placeFor(tag, tag2);
    Atomics.add(this.#words, entry + Word.Version, 1);
    this.#store(entry + Word.Tag, tag);
    this.#store(entry + Word.Tag2, tag2);
    this.#store(entry + Word.MarkLow, mark % 2 ** 32);
    this.#store(entry + Word.MarkHigh, Math.floor(mark / 2 ** 32));
    this.#store(entry + Word.Ttl, ttlSeconds);
    this.#store(entry + Word.ExpiresAt, this.#nowSeconds() + ttlSeconds);
    Atomics.add(this.#words, entry + Word.Version, 1);
  }

  /** The mark of the endpoint that has the session, which lives on for another while; {@link NO_MARK} when not known. */
  find(sid: string): number {
    const tag = hash32(sid);
    const tag2 = secondHash(sid);
    for (let i = 0; i < this.#threads; i++) {
      const set = setOf((this.#thread + i) % this.#threads, tag);
      for (let entry = set; entry < set + WAYS * WORDS; entry += WORDS) {
        const mark = this.#markIn(entry, tag, tag2);
        if (mark !== NO_MARK) return mark;
      }
    }
    return NO_MARK;
  }

  /**
   * An entry of this session that is just being made is passed over: the client cannot know the id yet, or there is an
   * older entry of it.
   */
  #markIn(entry: number, tag: number, tag2: number): number {
    const version = this.#load(entry + Word.Version);
    if (this.#load(entry + Word.Tag) !== tag || this.#load(entry + Word.Tag2) !== tag2) return NO_MARK;
    const mark = this.#load(entry + Word.MarkHigh) * 2 ** 32 + this.#load(entry + Word.MarkLow);
    const expiresAt = this.#load(entry + Word.ExpiresAt);
    const later = this.#nowSeconds() + this.#load(entry + Word.Ttl);
    if (version % 2 === 1 || this.#load(entry + Word.Version) !== version) return NO_MARK;
    if (expiresAt <= this.#nowSeconds()) return NO_MARK;
    // Should the entry have become another's since, that one lives a little longer.
    if (later > expiresAt) Atomics.compareExchange(this.#words, entry + Word.ExpiresAt, expiresAt | 0, later | 0);
    return mark;
  }

  /** In the own region its own entry, else the one that will be free first. */
  #placeFor(tag: number, tag2: number): number {
    const set = setOf(this.#thread, tag);
    let place = set;
    let earliest = Number.POSITIVE_INFINITY;
    for (let entry = set; entry < set + WAYS * WORDS; entry += WORDS) {
      if (this.#load(entry + Word.Tag) === tag && this.#load(entry + Word.Tag2) === tag2) return entry;
      const expiresAt = this.#load(entry + Word.ExpiresAt);
      if (expiresAt < earliest) {
        earliest = expiresAt;
        place = entry;
      }
    }
    return place;
  }

  #load(word: number): number {
    return Atomics.load(this.#words, word) >>> 0;
  }

  #store(word: number, value: number): void {
    Atomics.store(this.#words, word, value | 0);
  }
}

/** 53 bits that stand for an endpoint in all threads. */
export function markOf(identity: string, incarnation: number): number {
  const text = `${identity} ${incarnation}`;
  return (secondHash(text) >>> 11) * 2 ** 32 + hash32(text);
}

/** A hash that does not go with {@link hash32}: other order, other mixing. */
function secondHash(text: string): number {
  let hash = 0x9747b28c;
  for (let at = text.length - 1; at >= 0; at--) hash = mix32(Math.imul(hash, 31) + text.charCodeAt(at));
  return hash;
}

function setOf(thread: number, tag: number): number {
  return thread * REGION + (tag % SETS) * WAYS * WORDS;
}

function systemSeconds(): number {
  return process.hrtime()[0];
}
