/** Less than this is no silence: a garbage collection, a burst. ms */
const LEAST_SILENCE_MS = 200;

/** So many times what its answers take on average is silence. */
const ANSWERS = 3;

/** It has never answered: there is nothing to compare with. ms */
const UNKNOWN_SILENCE_MS = 1_000;

/** Least time that it has for a question, as with beats of workers. ms */
const LEAST_WAIT_MS = 400;

/** So many times the slowest of its answers to questions lately. */
const QUESTIONS = 4;

/** The same where it was never asked: a question needs a connection of its own, which answers did not. */
const FIRST_QUESTION = 8;

/** It has never answered anything. ms */
const UNKNOWN_WAIT_MS = 5_000;

/** Where questions are answered and requests are not, it is slow, and asked more and more rarely. ms */
const LONGEST_PAUSE_MS = 5_000;

/** A question lies in the kernel's queue while its server is stopped, and is answered at once when that goes on. ms */
const LEAST_LIMIT_MS = 10_000;

/** One that is out is asked again so long after a question has failed. ms */
const ASK_AGAIN_MS = 1_000;

/** Part of the slowest question that remains with each one after it. */
const FADING = 0.8;

/** Nobody is asked to run anything a second time before that. ms */
const LEAST_MOVE_MS = 1_000;

/** So many times its slowest answer lately: a server with one thread may be at work on it all the while. */
const SLOWEST = 1.5;

/** What is learned from one silence at most. ms */
const LONGEST_LEARNED_MS = 10_000;

/** Part of the slowest answer that remains at each step: half of it after four minutes, ten steps a second. */
const FORGETTING = 0.9997;

/** Weight of an answer in the average. */
const STEP = 1 / 8;

/** A step that comes so late says that this thread was held up, and that time proves nothing of servers. ms */
const LATE_MS = 400;

/** What is to be done. */
export const SilenceAct = {
  None: 0,
  /** Ask it for a sign of life. */
  Ask: 1,
  /** It has answered nothing: it gets no requests until it does. */
  Stall: 2,
  /** It has answered after all. */
  Recover: 3,
} as const;
export type SilenceAct = (typeof SilenceAct)[keyof typeof SilenceAct];

const State = { Heard: 0, Asked: 1, Stalled: 2 } as const;
type State = (typeof State)[keyof typeof State];

/**
 * Whether a server has stopped: it owes answers and sends no byte on any of its connections, for longer than its answers
 * take, while others are well. A connection proves nothing, since the kernel accepts for a stopped process; so it is asked
 * a question, and is stalled if it leaves that unanswered, too. One that is only slow answers, or is known to be slow.
 *
 * What beats are to workers; and it is back with the first byte, so that a mistake costs little. All times monotonic ms.
 */
export class Silence {
  #state: State = State.Heard;
  /** Average of its answers; 0 = not known. */
  #answerMs = 0;
  /** Slowest of its answers lately. */
  #slowestMs = 0;
  /** Slowest of its answers to questions lately; 0 = not known. */
  #questionMs = 0;
  #askedAtMs = 0;
  /** When a question was last answered, or failed for another reason than silence. */
  #answeredAtMs = 0;
  #isPending = false;
  /** Shortest silence after which it is asked again. */
  #pauseMs = 0;
  /** Silence before this says nothing. */
  #fromMs = 0;
  #steppedAtMs = 0;
  #sinceMs = 0;

  /** The head of a response came, so long after the request. */
  answered(tookMs: number): void {
    if (tookMs > this.#slowestMs) this.#slowestMs = tookMs;
    this.#answerMs = this.#answerMs === 0 ? Math.max(tookMs, 1) : this.#answerMs + (tookMs - this.#answerMs) * STEP;
  }

  /**
   * @param owesSinceMs when the oldest request that waits for its answer was sent; 0 = none does
   * @param heardAtMs when a byte last came from it
   * @param isElsewhereWell whether another one that could do its work has been heard since then, or owes nothing
   */
  step(
    nowMs: number,
    owesSinceMs: number,
    heardAtMs: number,
    isElsewhereWell: (sinceMs: number) => boolean,
  ): SilenceAct {
    const lateMs = this.#steppedAtMs === 0 ? 0 : nowMs - this.#steppedAtMs;
    this.#steppedAtMs = nowMs;
    this.#slowestMs *= FORGETTING;
    if (lateMs > LATE_MS) {
      this.#fromMs = nowMs;
      this.#askedAtMs += lateMs;
    }
    switch (this.#state) {
      case State.Heard: {
        if (heardAtMs > this.#answeredAtMs) this.#pauseMs = 0;
        if (owesSinceMs === 0) return SilenceAct.None;
        this.#sinceMs = Math.max(owesSinceMs, heardAtMs, this.#answeredAtMs, this.#fromMs);
        if (nowMs - this.#sinceMs < Math.max(this.#pauseMs, this.#silenceMs)) return SilenceAct.None;
        if (this.#isPending || !isElsewhereWell(this.#sinceMs)) return SilenceAct.None;
        this.#state = State.Asked;
        return this.#ask(nowMs);
      }
      case State.Asked:
        if (this.#wasHeard(heardAtMs)) return SilenceAct.None;
        if (nowMs - this.#askedAtMs < this.#waitMs || !isElsewhereWell(this.#sinceMs)) return SilenceAct.None;
        this.#state = State.Stalled;
        return SilenceAct.Stall;
      default:
        if (this.#wasHeard(heardAtMs)) return this.#recover(heardAtMs);
        return this.#isPending || nowMs - this.#answeredAtMs < ASK_AGAIN_MS ? SilenceAct.None : this.#ask(nowMs);
    }
  }

  get isStalled(): boolean {
    return this.#state === State.Stalled;
  }

  /** After so long what is safe may be run elsewhere, of one that is stalled. ms */
  get moveAfterMs(): number {
    return Math.max(LEAST_MOVE_MS, this.#slowestMs * SLOWEST);
  }

  /** How long an answer to a question is waited for, since it may come late. ms */
  get questionLimitMs(): number {
    return Math.max(LEAST_LIMIT_MS, 2 * this.#waitMs);
  }

  /** How long it has been silent, of one that was asked. */
  silentMs(nowMs: number): number {
    return nowMs - this.#sinceMs;
  }

  /** Whatever it answers is a sign of life. @returns Recover where it had none before */
  questionAnswered(tookMs: number, nowMs: number): SilenceAct {
    this.#isPending = false;
    this.#answeredAtMs = nowMs;
    this.#questionMs = Math.max(tookMs, this.#questionMs * FADING);
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * Math.max(this.#pauseMs, this.#silenceMs));
    const wasStalled = this.#state === State.Stalled;
    this.#state = State.Heard;
    return wasStalled ? this.#recover(nowMs) : SilenceAct.None;
  }

  /**
   * There was no answer, or no connection.
   * @param isSilence it was waited for as long as anybody would. Otherwise it refuses connections, or cannot be reached: of
   *   one that ends in good order that is no proof, since it finishes what it has
   */
  questionFailed(isSilence: boolean, nowMs: number): void {
    this.#isPending = false;
    this.#answeredAtMs = nowMs;
    if (isSilence || this.#state !== State.Asked) return;
    this.#pauseMs = LONGEST_PAUSE_MS;
    this.#state = State.Heard;
  }

  #ask(nowMs: number): SilenceAct {
    this.#askedAtMs = nowMs;
    this.#isPending = true;
    return SilenceAct.Ask;
  }

  /** What it was at work on took so long. */
  #recover(nowMs: number): SilenceAct {
    this.#slowestMs = Math.max(this.#slowestMs, Math.min(nowMs - this.#sinceMs, LONGEST_LEARNED_MS));
    return SilenceAct.Recover;
  }

  #wasHeard(heardAtMs: number): boolean {
    if (heardAtMs <= this.#sinceMs) return false;
    this.#state = State.Heard;
    return true;
  }

  get #silenceMs(): number {
    return this.#answerMs === 0 ? UNKNOWN_SILENCE_MS : Math.max(LEAST_SILENCE_MS, this.#answerMs * ANSWERS);
  }

  get #waitMs(): number {
    if (this.#questionMs > 0) return Math.max(LEAST_WAIT_MS, this.#questionMs * QUESTIONS);
    return this.#answerMs === 0 ? UNKNOWN_WAIT_MS : Math.max(LEAST_WAIT_MS, this.#answerMs * FIRST_QUESTION);
  }
}
