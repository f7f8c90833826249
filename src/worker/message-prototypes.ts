import { LearnedPrototype } from './learned-prototype.ts';
import type { CapturableServer, IncomingMessage, ServerResponse } from './node-http.ts';

/** What one server's requests and responses turn into. */
export class MessagePrototypes {
  readonly #requests: LearnedPrototype;
  readonly #responses: LearnedPrototype;
  areSettled = false;

  constructor(server: CapturableServer) {
    this.#requests = new LearnedPrototype(server, 'IncomingMessage');
    this.#responses = new LearnedPrototype(server, 'ServerResponse');
  }

  /** To be called when a request's handler has returned. */
  observe(request: IncomingMessage | null, response: ServerResponse | null): void {
    if (request !== null) this.#requests.observe(request);
    if (response !== null) this.#responses.observe(response);
    this.areSettled = this.#requests.isSettled && this.#responses.isSettled;
  }
}
