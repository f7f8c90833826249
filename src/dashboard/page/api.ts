import { SseParser } from './sse-parser.ts';

const TOKEN_KEY = 'evener.token';

/** The API said no; the message is its own. `status` 0 = it could not be reached. */
export class ApiFailure extends Error {
  readonly status: number;
  /** The last lines of a worker that did not come up. */
  readonly output: readonly string[];

  constructor(status: number, message: string, output: readonly string[] = []) {
    super(message);
    this.status = status;
    this.output = output;
  }

  /** The token is missing or wrong. */
  get isLocked(): boolean {
    return this.status === 401;
  }
}

export interface StreamOptions {
  readonly lastId: string | null;
  readonly signal: AbortSignal;
  onEvent(data: unknown, id: string | null): void;
}

/** The control API of the instance that served this page. Paths are relative, so that a proxy may put it in a folder. */
export class Api {
  #token: string | null = takeTokenOfLink() ?? sessionStorage.getItem(TOKEN_KEY);

  get token(): string | null {
    return this.#token;
  }

  /** Once it has been found to be right it is kept until the tab is closed. null forgets it. */
  setToken(token: string | null): void {
    this.#token = token;
    if (token === null) sessionStorage.removeItem(TOKEN_KEY);
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#ask(path, {})).json() as Promise<T>;
  }

  async post<T>(path: string, body?: object): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    return (await this.#ask(path, { method: 'POST', ...init })).json() as Promise<T>;
  }

  /** Follows server-sent events; resolves when the other side ends them. @throws ApiFailure */
  async stream(path: string, { lastId, signal, onEvent }: StreamOptions): Promise<void> {
    const headers = lastId === null ? {} : { 'last-event-id': lastId };
    const response = await this.#ask(path, { headers, signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new SseParser();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        for (const { id, data } of parser.push(value)) onEvent(JSON.parse(data), id);
      }
    } catch (error) {
      throw unreached(error);
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  async #ask(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const token = this.#token;
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const headers = { ...init.headers, ...authorization };
    let response: Response;
    try {
      response = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'omit' });
    } catch (error) {
      throw unreached(error);
    }
    if (!response.ok) throw await failureOf(response);
    if (token !== null && token === this.#token) sessionStorage.setItem(TOKEN_KEY, token);
    return response;
  }
}

/** `evener dashboard` prints a link that ends with `#token=...`; it is taken off the address at once. */
function takeTokenOfLink(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null || token === '') return null;
  history.replaceState(null, '', location.pathname + location.search);
  return token;
}

function unreached(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  return new ApiFailure(0, 'Evener does not answer');
}

async function failureOf(response: Response): Promise<ApiFailure> {
  try {
    const { error } = (await response.json()) as { error: { message: string; details?: { output?: string[] } } };
    return new ApiFailure(response.status, error.message, error.details?.output ?? []);
  } catch {
    return new ApiFailure(response.status, `it answered ${response.status} ${response.statusText}`);
  }
}
