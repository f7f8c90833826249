import type { AdminOptions } from '../config/options.ts';
import type { Admission } from '../control/admission.ts';
import { ControlServer } from '../control/control-server.ts';
import type { ControlTarget } from '../control/control-target.ts';
import { controlSocketIn } from '../control/instance.ts';
import { dashboardPages } from '../dashboard/pages.ts';
import { AdminListener } from './admin-listener.ts';

/** Where the control API is reached: its socket in the runtime directory, and the admin listener. */
export class ControlListeners {
  readonly #target: ControlTarget;
  /** Of Evener. */
  readonly #version: string;
  readonly #socket: ControlServer;
  readonly #admin: AdminListener;

  constructor(target: ControlTarget, version: string) {
    this.#target = target;
    this.#version = version;
    this.#socket = this.#serve(null);
    this.#admin = new AdminListener((admission) => this.#serve(admission));
  }

  /** Of the admin listener; null = there is none. */
  get adminUrl(): string | null {
    return this.#admin.url;
  }

  /** @throws Error that tells which of them could not be opened */
  async open(directory: string, admin: AdminOptions | null): Promise<void> {
    const path = controlSocketIn(directory);
    await this.#socket.listenOn(path).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`cannot open the control socket ${path}: ${error.code ?? error.message}`);
    });
    await this.#admin.configure(admin);
  }

  /** The socket was removed: another takes its place. @throws the system's error */
  async reopen(directory: string): Promise<void> {
    await this.#socket.reopenOn(controlSocketIn(directory));
  }

  /** @throws Error as {@link AdminListener.configure} */
  async configure(admin: AdminOptions | null): Promise<void> {
    await this.#admin.configure(admin);
  }

  close(): void {
    this.#socket.close();
    this.#admin.close();
  }

  #serve(admission: Admission | null): ControlServer {
    return new ControlServer({
      target: this.#target,
      version: this.#version,
      admission,
      pages: admission === null ? new Map() : dashboardPages(),
      dashboardLink: admission === null ? () => this.#admin.dashboardLink : null,
    });
  }
}
