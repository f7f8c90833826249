import { type Api, ApiFailure } from './api.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** The status comes once a second: after so much silence the connection is as good as gone. */
const SILENCE_MS = 6_000;

export interface FeedListener {
  onEvent(data: unknown): void;
  /** It goes well. */
  onOpen(): void;
  /** @param retryAtMs when it is tried again, by performance.now() */
  onLost(failure: ApiFailure, retryAtMs: number): void;
  /** Nothing is tried until retry() is called. */
  onLocked(failure: ApiFailure): void;
}

export interface FeedOptions {
  readonly path: string;
  /** Whether it is given up where nothing has come for some seconds. */
  readonly isSteady: boolean;
}

/** One stream of the API that is opened again whenever it ends, with growing pauses, from where it was. */
export class LiveFeed {
  readonly #api: Api;
  readonly #options: FeedOptions;
  readonly #listener: FeedListener;
  #lastId: string | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #wake: (() => void) | null = null;
  #abort: AbortController | null = null;
  #isPaused = false;

  constructor(api: Api, options: FeedOptions, listener: FeedListener) {
    this.#api = api;
    this.#options = options;
    this.#listener = listener;
  }

  /** Never ends. */
  async run(): Promise<never> {
    for (;;) {
      const failure = await this.#attempt();
      if (this.#isPaused) {
        await this.#sleep(null);
      } else if (failure.isLocked) {
        this.#listener.onLocked(failure);
        await this.#sleep(null);
      } else {
        // Jitter: many pages must not come back at the same moment.
        const pauseMs = this.#pauseMs * (0.75 + Math.random() / 2);
        this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
        this.#listener.onLost(failure, performance.now() + pauseMs);
        await this.#sleep(pauseMs);
      }
    }
  }

  /** Now, rather than when the pause is over. */
  retry(): void {
    this.#wake?.();
  }

  /** Closes the connection until resume() is called. */
  pause(): void {
    this.#isPaused = true;
    this.#abort?.abort();
  }

  /** Goes on after the last event that was had. */
  resume(): void {
    this.#isPaused = false;
    this.retry();
  }

  async #attempt(): Promise<ApiFailure> {
    const abort = new AbortController();
    this.#abort = abort;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expect = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    if (this.#options.isSteady) expect();
    let isOpen = false;
    const { path } = this.#options;
    try {
      await this.#api.stream(path, {
        lastId: this.#lastId,
        signal: abort.signal,
        onEvent: (data, id) => {
          if (this.#options.isSteady) expect();
          if (!isOpen) this.#listener.onOpen();
          isOpen = true;
          this.#pauseMs = FIRST_PAUSE_MS;
          this.#lastId = id ?? this.#lastId;
          this.#listener.onEvent(data);
        },
      });
      return new ApiFailure(0, 'Evener closed the connection');
    } catch (error) {
      return error instanceof ApiFailure ? error : new ApiFailure(0, String(error));
    } finally {
      clearTimeout(timer);
    }
  }

  #sleep(ms: number | null): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }
}
