import type { ServerResponse } from 'node:http';

/** Proxies and browsers give up on what is silent for longer. */
const HEARTBEAT_MS = 15_000;
/** A reader that lags behind by more is let go; it comes back with the id of what it had last. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** Server-sent events to one reader (HTML, section 9.2). */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #onClosed: (() => void)[] = [];
  #maxBacklogBytes = MAX_BACKLOG_BYTES;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    // What is written with the head would wait for the first event.
    response.write(':\n\n');
    this.#heartbeat = setInterval(() => this.#write(':\n\n'), HEARTBEAT_MS);
    this.#heartbeat.unref();
    response.on('close', () => {
      clearInterval(this.#heartbeat);
      for (const listener of this.#onClosed) listener();
    });
  }

  onClosed(listener: () => void): void {
    this.#onClosed.push(listener);
  }

  /**
   * What was there before the reader, however much that is: until it has read all of it, it lags behind nothing.
   * @param tell sends it
   */
  begin(tell: () => void): void {
    this.#maxBacklogBytes = Number.POSITIVE_INFINITY;
    tell();
    this.#maxBacklogBytes = MAX_BACKLOG_BYTES + this.#response.writableLength;
    this.#response.once('drain', () => {
      this.#maxBacklogBytes = MAX_BACKLOG_BYTES;
    });
  }

  /** @param id null = none; readers that come back tell the last one */
  send(data: unknown, id: number | null = null): void {
    this.#write(`${id === null ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    this.#response.end();
  }

  #write(text: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    if (this.#response.writableLength > this.#maxBacklogBytes) this.#response.destroy();
    else this.#response.write(text);
  }
}
