/** A request that is not begun yet. */
interface WaitingRequest {
  readonly connection: number;
  readonly run: () => void;
  /** What of its body has come meanwhile; the window bounds it. */
  readonly pieces: Buffer[];
  /** Its trailers; null while it is not complete. */
  trailers: string[] | null;
}

/** What a request is fed with once it runs. */
export interface WaitingBody {
  onBody(bytes: Buffer): void;
  onRequestEnd(trailers: string[]): void;
}

/**
 * Requests that cannot be begun yet, with what comes of them in the meantime; everything else goes on. One waits for Grant
 * or Abort where the balancer has perhaps taken it back while this worker did not answer, and before that for the end of
 * the response that went before it on its connection.
 */
export class WaitingRequests {
  readonly #requests = new Map<number, WaitingRequest>();

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

  /** It need not wait any more. @param bodyOf where its body goes once it runs; null when it is over already */
  begin(stream: number, bodyOf: () => WaitingBody | null): void {
    const request = this.#requests.get(stream);
    if (request === undefined) return;
    this.#requests.delete(stream);
    const { run, pieces, trailers } = request;
    // It may have to wait for something else now.
    const body = (piece: Buffer): void => {
      if (!this.body(stream, piece)) bodyOf()?.onBody(piece);
    };
    const steps = [run, ...pieces.map((piece) => () => body(piece))];
    if (trailers !== null) steps.push(() => void (this.end(stream, trailers) || bodyOf()?.onRequestEnd(trailers)));
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
