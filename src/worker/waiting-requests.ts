/** A request that waits for the balancer's word whether it is still to be run here. */
interface ClaimedRequest {
  readonly connection: number;
  readonly run: () => void;
  /** What of its body has come meanwhile; the window bounds it. */
  readonly pieces: Buffer[];
  /** Its trailers; null while it is not complete. */
  trailers: string[] | null;
}

/** What a request is fed with once it runs. */
export interface ClaimedBody {
  onBody(bytes: Buffer): void;
  onRequestEnd(trailers: string[]): void;
}

/**
 * Requests that the balancer has perhaps taken back while this worker did not answer. They wait for Grant or Abort, with
 * what comes of them in the meantime; everything else goes on.
 */
export class ClaimedRequests {
  readonly #requests = new Map<number, ClaimedRequest>();

  get size(): number {
    return this.#requests.size;
  }

  add(stream: number, connection: number, run: () => void): void {
    this.#requests.set(stream, { connection, run, pieces: [], trailers: null });
  }

  /** @returns whether it is one of these */
  body(stream: number, bytes: Buffer): boolean {
    return this.#requests.get(stream)?.pieces.push(bytes) !== undefined;
  }

  /** @returns whether it is one of these */
  end(stream: number, trailers: string[]): boolean {
    const request = this.#requests.get(stream);
    if (request === undefined) return false;
    request.trailers = trailers;
    return true;
  }

  /** It is this worker's to run. @param bodyOf where its body goes once it runs; null when it is over already */
  granted(stream: number, bodyOf: () => ClaimedBody | null): void {
    const request = this.#requests.get(stream);
    if (request === undefined) return;
    this.#requests.delete(stream);
    const { run, pieces, trailers } = request;
    const steps = [run, ...pieces.map((piece) => () => bodyOf()?.onBody(piece))];
    if (trailers !== null) steps.push(() => bodyOf()?.onRequestEnd(trailers));
    takeInTurn(steps);
  }

  /** Somebody else runs it, or nobody. */
  drop(stream: number): void {
    this.#requests.delete(stream);
  }

  /** The client's connection has closed. */
  dropConnection(connection: number): void {
    for (const [stream, request] of this.#requests) if (request.connection === connection) this.drop(stream);
  }

  clear(): void {
    this.#requests.clear();
  }
}

/** Each may throw what the app's code throws, and the rest must not suffer for it: it comes before what the link brings next. */
function takeInTurn(steps: (() => void)[]): void {
  try {
    while (steps.length > 0) steps.shift()!();
  } finally {
    if (steps.length > 0) process.nextTick(takeInTurn, steps);
  }
}
