/** A program that sends as many requests as a system will answer, over a fixed number of connections. */

export interface LoadGenerator {
  readonly name: string;
  readonly version: string;
  /** Runs to the end; throws when the program itself fails, not when requests do. */
  run(plan: LoadPlan): Promise<LoadResult>;
}

export interface LoadPlan {
  readonly port: number;
  readonly request: LoadRequest;
  readonly connections: number;
  readonly seconds: number;
  /** An empty directory for what the program has to be given in files. */
  readonly scratchDir: string;
}

export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly body: Buffer | null;
  readonly contentType: string;
  /** Each on a connection of its own: it asks for `Connection: close`. Default: connections are kept. */
  readonly closes?: true;
}

export interface LoadResult {
  readonly requests: number;
  readonly durationMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were not 2xx, and requests that got none. */
  readonly errors: number;
}
