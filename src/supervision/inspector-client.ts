import type { WebSocket } from 'ws';

/** Messages of the inspector hold whole source maps: of bundles these come to megabytes. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** A frame as V8 tells it; lines and columns from 0. */
export interface RawFrame {
  readonly functionName: string;
  readonly scriptId: string;
  readonly line: number;
  readonly column: number;
}

/** Where a script's source map is: a URL, absolute or relative to the script's, or the map itself as a data URL. */
export interface ScriptFacts {
  readonly url: string;
  readonly sourceMapUrl: string;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface CallFrame {
  readonly functionName: string;
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number };
}

/**
 * Closes the inspector from within. A blocked process that got SIGUSR1 opens it a second time when its loop turns again
 * (one request goes by interrupt, the other by the loop, which finds it closed): so it is closed again after that, by a
 * timer that was set once the loop turned.
 */
const CLOSE_INSPECTOR = `(() => {
  const inspector = process.getBuiltinModule('inspector');
  const close = (times) => {
    if (inspector.url() !== undefined) inspector.close();
    if (times > 0) setTimeout(close, 100, times - 1).unref();
  };
  close(4);
})()`;

/** One debugging session with a process's inspector. Its event loop need not turn. */
export class InspectorClient {
  readonly #socket: WebSocket;
  readonly #scripts = new Map<string, ScriptFacts>();
  readonly #waiting = new Map<number, (message: Message) => void>();
  #onPaused: (frames: readonly CallFrame[]) => void = () => {};
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      try {
        this.#received(String(data));
      } catch {
        // No inspector speaks like this: another server of the app's has been taken for one.
      }
    });
    socket.on('error', () => {});
  }

  /** @throws Error when there is no connection within the limit */
  static async connect(url: string, limitMs: number): Promise<InspectorClient> {
    // Loaded when a worker hangs, and not before: that is seldom, and start-up has no time for it.
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: Math.max(1, Math.round(limitMs)),
    });
    return new Promise((resolve, reject) => {
      const client = new InspectorClient(socket);
      socket.once('open', () => resolve(client));
      socket.once('error', reject);
    });
  }

  /**
   * Stops the process where it is, and says where that is.
   * @returns null when it does not stop within the limit: it is outside JavaScript, or not running at all
   */
  async pause(limitMs: number): Promise<RawFrame[] | null> {
    const paused = new Promise<readonly CallFrame[]>((resolve) => {
      this.#onPaused = resolve;
    });
    void this.#send('Debugger.enable');
    void this.#send('Debugger.pause');
    const frames = await within(limitMs, paused);
    return frames === null ? null : frames.map(rawFrame);
  }

  /** What is known of a script, once paused. */
  script(id: string): ScriptFacts | null {
    return this.#scripts.get(id) ?? null;
  }

  /**
   * Lets the process go on and leaves it.
   * @param closeInspector closes its port as well, where it opened for us
   * @returns false when it has not done so within the limit
   */
  async leave(closeInspector: boolean, limitMs: number): Promise<boolean> {
    let isLeft = true;
    if (this.#socket.readyState === this.#socket.OPEN) {
      void this.#send('Debugger.resume');
      const disabled = this.#send('Debugger.disable');
      const left = closeInspector ? this.#closed(CLOSE_INSPECTOR) : disabled;
      isLeft =
        (await within(
          limitMs,
          left.then(() => true),
        )) !== null;
    }
    this.#socket.terminate();
    return isLeft;
  }

  #closed(expression: string): Promise<unknown> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    void this.#send('Runtime.evaluate', { expression });
    return closed;
  }

  #send(method: string, params: object = {}): Promise<Message> {
    const id = this.#nextId++;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #received(text: string): void {
    const message = JSON.parse(text) as Message;
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    } else if (message.method === 'Debugger.scriptParsed') {
      const { scriptId, url, sourceMapURL } = message.params as Record<string, string>;
      this.#scripts.set(scriptId!, { url: url!, sourceMapUrl: sourceMapURL ?? '' });
    } else if (message.method === 'Debugger.paused') {
      this.#onPaused((message.params as { callFrames: CallFrame[] }).callFrames);
    }
  }
}

function rawFrame({ functionName, location }: CallFrame): RawFrame {
  return {
    functionName,
    scriptId: location.scriptId,
    line: location.lineNumber,
    column: location.columnNumber ?? 0,
  };
}

/** null when the limit passes first. */
async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), Math.max(0, limitMs));
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
