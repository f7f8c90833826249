import http from 'node:http';

/** The instance said no, or could not be asked. */
export class ControlFailure extends Error {
  override readonly name = 'ControlFailure';
  /** An `ApiErrorCode`, or `UNREACHABLE`. */
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Asks one instance by its control socket. */
export class ControlClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** @throws ControlFailure */
  get<T>(path: string): Promise<T> {
    return this.#ask('GET', path, null) as Promise<T>;
  }

  /** @throws ControlFailure */
  post<T>(path: string, body: object | null = null): Promise<T> {
    return this.#ask('POST', path, body) as Promise<T>;
  }

  /**
   * Follows a stream of events until it ends or is given up.
   * @throws ControlFailure
   */
  async follow(path: string, onEvent: (data: unknown) => void, signal: AbortSignal | null = null): Promise<void> {
    const response = await this.#send('GET', path, null, signal);
    if (response.statusCode !== 200) throw failureOf(await textOf(response));
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const piece of response as AsyncIterable<string>) {
        const events = (rest + piece).split('\n\n');
        rest = events.pop()!;
        for (const event of events) {
          const data = event.split('\n').filter((line) => line.startsWith('data: '));
          if (data.length > 0) onEvent(JSON.parse(data.map((line) => line.slice(6)).join('\n')));
        }
      }
    } catch (error) {
      // An instance that ends, and a reader that has had enough, both close the connection.
      if (signal?.aborted !== true && (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    }
  }

  async #ask(method: string, path: string, body: object | null): Promise<unknown> {
    const response = await this.#send(method, path, body, null);
    const text = await textOf(response);
    if (response.statusCode! >= 400 && response.statusCode !== 503) throw failureOf(text);
    const value = JSON.parse(text) as { error?: unknown };
    if (value.error !== undefined) throw failureOf(text);
    return value;
  }

  #send(method: string, path: string, body: object | null, signal: AbortSignal | null): Promise<http.IncomingMessage> {
    const text = body === null ? '' : JSON.stringify(body);
    const headers = {
      host: 'localhost',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    };
    return new Promise((resolve, reject) => {
      const options = { socketPath: this.#socketPath, method, path, headers, agent: false as const };
      const request = http.request(signal === null ? options : { ...options, signal }, resolve);
      request.on('error', (error) => reject(new ControlFailure('UNREACHABLE', `it does not answer: ${error.message}`)));
      request.end(text);
    });
  }
}

async function textOf(response: http.IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  try {
    for await (const piece of response as AsyncIterable<string>) text += piece;
  } catch {
    throw new ControlFailure('UNREACHABLE', 'it ended before it had answered');
  }
  return text;
}

function failureOf(text: string): ControlFailure {
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; details?: Record<string, unknown> };
    };
    return new ControlFailure(error.code, error.message, error.details ?? {});
  } catch {
    return new ControlFailure('INTERNAL', 'it answered with something else than JSON');
  }
}
