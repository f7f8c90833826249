import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AdminOptions } from '../config/options.ts';
import { Admission } from '../control/admission.ts';
import type { ControlServer } from '../control/control-server.ts';

/** The admin listener, where there is to be one: its address and its token may change with the options. */
export class AdminListener {
  readonly #serve: (admission: Admission) => ControlServer;
  /** Made up where none was set: then only the dashboard's link has it. */
  readonly #spareToken: string = randomBytes(24).toString('base64url');
  #options: AdminOptions | null = null;
  #server: ControlServer | null = null;
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
      this.#replaceBy(null, null);
    } else {
      const { host, port, token } = options;
      const admission = new Admission({ token: token ?? this.#spareToken, isTokenRequired: token !== null });
      if (this.#server !== null && before?.host === host && before.port === port) {
        this.#server.admit(admission);
      } else {
        const name = host.includes(':') ? `[${host}]` : host;
        const server = this.#serve(admission);
        const bound = await server.listenAt(host, port).catch(failWith(`admin: cannot listen on ${name}:${port}`));
        this.#replaceBy(server, `http://${name}:${bound}/`);
      }
    }
    this.#options = options;
  }

  close(): void {
    this.#replaceBy(null, null);
  }

  #replaceBy(server: ControlServer | null, url: string | null): void {
    this.#server?.close();
    this.#server = server;
    this.#url = url;
  }
}

function failWith(what: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    const way = error.code === 'EADDRINUSE' ? '; choose another port, or stop what listens there' : '';
    throw new Error(`${what}: ${error.code ?? error.message}${way}`);
  };
}
