import type { SupervisorEvent } from './events.ts';
import type { RuntimeDirectory } from './runtime-directory.ts';

const LOOK_EVERY_MS = 2_000;

/**
 * Cleaners of temporary folders go by age; what is as young as this they leave alone: the XDG Base Directory Specification 0.8
 * speaks of six hours, and ten days are usual (tmpfiles.d(5)).
 */
const FRESHEN_EVERY_MS = 3_600_000;

export interface DirectoryWatchHost {
  /** Balancer threads open their sockets in it again, where these are missing. */
  reopenLinks(): void;
  /** The same for the control socket, and what is beside it. */
  reopenControl(): void;
  emit(event: SupervisorEvent): void;
}

/**
 * Sees to it that the runtime directory stays there. Without it no worker could dial in any more, so none that dies could be
 * replaced; who is linked already would not notice.
 */
export class DirectoryWatch {
  readonly #directory: RuntimeDirectory;
  readonly #linkPaths: () => readonly string[];
  readonly #host: DirectoryWatchHost;
  #timer: NodeJS.Timeout | null = null;
  #freshenedAtMs = 0;
  #wasWhole = true;
  #isLost = false;

  /** @param linkPaths of the balancer threads that run: one that waits for its restart has no socket */
  constructor(directory: RuntimeDirectory, linkPaths: () => readonly string[], host: DirectoryWatchHost) {
    this.#directory = directory;
    this.#linkPaths = linkPaths;
    this.#host = host;
  }

  /** To be called when all that is to be in it is there. */
  start(): void {
    this.#freshenedAtMs = performance.now();
    this.#timer = setInterval(() => this.look(performance.now()), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Every two seconds by itself. @param nowMs monotonic */
  look(nowMs: number): void {
    const isWhole = this.#directory.isWhole(this.#linkPaths());
    // A balancer thread that has just been started has none either, for a moment.
    const isMissing = !isWhole && !this.#wasWhole;
    this.#wasWhole = isWhole;
    if (isMissing) this.#restore();
    else if (isWhole && nowMs - this.#freshenedAtMs >= FRESHEN_EVERY_MS) {
      this.#freshenedAtMs = nowMs;
      this.#directory.freshen();
    }
  }

  #restore(): void {
    const { path } = this.#directory;
    try {
      this.#directory.restore();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#isLost) this.#host.emit({ type: 'runtime-directory-lost', path, reason });
      this.#isLost = true;
      return;
    }
    this.#isLost = false;
    this.#wasWhole = true;
    this.#host.reopenLinks();
    this.#host.reopenControl();
    this.#host.emit({ type: 'runtime-directory-restored', path });
  }
}
