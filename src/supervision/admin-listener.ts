import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AdminOptions } from '../config/options.ts';
import { Admission } from '../control/admission.ts';
import type { ControlServer } from '../control/control-server.ts';

const TAKE_BACK_EVERY_MS = 500;

/** The admin listener, where there is to be one: its address and its token may change with the options. */
export class AdminListener {
  readonly #serve: (admission: Admission) => ControlServer;
  /** Made up where none was set: then only the dashboard's link has it. */
  readonly #spareToken: string = randomBytes(24).toString('base64url');
  #options: AdminOptions | null = null;
  #server: ControlServer | null = null;
  /** Of {@link #server}: the port that it got, where any was asked for. */
  #port = 0;
  #url: string | null = null;

  /** @param serve makes a server that does not listen yet */
  constructor(serve: (admission: Admission) => ControlServer) {
    this.#serve = serve;
  }

  /** With a slash at its end; null = there is none. */
  get url(): string | null {
    return this.#url;
  }

  /** The URL with the token, behind #: that part is not sent to any server, nor written to a log. */
  get dashboardLink(): string | null {
    const token = this.#options?.token ?? this.#spareToken;
    return this.#url === null ? null : `${this.#url}#token=${encodeURIComponent(token)}`;
  }

  /**
   * Listens where the options say from now on. Where only the token has changed nobody is cut off.
   * @throws Error that tells why it cannot; then all is as before
   */
  async configure(options: AdminOptions | null): Promise<void> {
    const before = this.#options;
    if (isDeepStrictEqual(options, before)) return;
    if (options === null) {
      this.close();
    } else {
      const { host, port, token } = options;
      const admission = new Admission({ token: token ?? this.#spareToken, isTokenRequired: token !== null });
      if (this.#server !== null && before?.host === host && before.port === port) {
        this.#server.admit(admission);
      } else {
        const server = this.#serve(admission);
        const bound = await this.#open(server, options).catch(failWith(`admin: cannot listen on ${where(host, port)}`));
        this.#replaceBy(server, bound, `http://${where(host, bound)}/`);
      }
    }
    this.#options = options;
  }

  close(): void {
    this.#replaceBy(null, 0, null);
  }

  /** What listens there may be our own: to the system 127.0.0.1 and 0.0.0.0 are in each other's way. */
  async #open(server: ControlServer, { host, port }: AdminOptions): Promise<number> {
    try {
      return await server.listenAt(host, port);
    } catch (error) {
      const [own, before] = [this.#server, this.#options];
      const isOwn = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' && port === this.#port;
      if (own === null || before === null || !isOwn) throw error;
      own.stopListening();
      try {
        return await server.listenAt(host, port);
      } catch (another) {
        await this.#takeBack(own, before.host);
        throw another;
      }
    }
  }

  /** Tries on where it cannot be had at once. */
  async #takeBack(own: ControlServer, host: string): Promise<void> {
    try {
      await own.listenAt(host, this.#port);
      // Another has come meanwhile.
      if (this.#server !== own) own.stopListening();
    } catch {
      const again = (): void => void (this.#server === own && this.#takeBack(own, host));
      setTimeout(again, TAKE_BACK_EVERY_MS).unref();
    }
  }

  #replaceBy(server: ControlServer | null, port: number, url: string | null): void {
    this.#server?.close();
    this.#server = server;
    this.#port = port;
    this.#url = url;
  }
}

function where(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function failWith(what: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const way = error.code === 'EADDRINUSE' ? '; choose another port, or stop what listens there' : '';
    throw new Error(`${what}: ${error.code ?? error.message}${way}`);
  };
}
