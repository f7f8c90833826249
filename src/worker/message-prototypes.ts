import http from 'node:http';
import type { CapturableServer } from './node-http.ts';

/**
 * Makes an Express app's requests and responses be born with the prototypes that the app gives them.
 *
 * Express begins every request with `Object.setPrototypeOf(req, app.request)`, and the same for the response. In the V8
 * of Node 20 and 22 an object whose prototype was replaced has a map that keeps no transitions: every property added
 * afterwards makes a map of its own, every request anew, and all code that touches the object misses its inline caches.
 * That is three quarters of what a small Express answer costs there: 38 µs of 45 µs (bench/e2e, case express). An
 * object that is born with the prototype has ordinary maps, and setting the one it has already does nothing.
 *
 * Only where the app itself, and nothing else, listens for requests: then setting the prototypes is the first thing that
 * happens to every one of them, and nobody can see them before. Nothing is replaced in the app; the server is given, as
 * its `IncomingMessage` and `ServerResponse`, functions that do what Node's do. Apps that bring classes of their own are
 * left alone.
 */
export class MessagePrototypes {
  readonly #server: WithClasses;
  readonly #requestSlot: symbol | undefined;
  readonly #responseSlot: symbol | undefined;
  /** What listened for requests when the classes were last chosen. */
  #listener: unknown = null;
  #request: Constructor = NODE_REQUEST;
  #response: Constructor = NODE_RESPONSE;

  constructor(server: CapturableServer) {
    this.#server = server as unknown as WithClasses;
    this.#requestSlot = slotOf(this.#server, 'IncomingMessage', NODE_REQUEST);
    this.#responseSlot = slotOf(this.#server, 'ServerResponse', NODE_RESPONSE);
  }

  /** To be called before a request is made. `isOrdinary`: it goes to 'request', and not to 'upgrade' or 'connect'. */
  prepare(isOrdinary: boolean): void {
    const requestSlot = this.#requestSlot;
    const responseSlot = this.#responseSlot;
    if (requestSlot === undefined || responseSlot === undefined) return;
    const listener = this.#server._events.request;
    if (listener !== this.#listener) this.#choose(listener);
    this.#server[requestSlot] = isOrdinary ? this.#request : NODE_REQUEST;
    this.#server[responseSlot] = isOrdinary ? this.#response : NODE_RESPONSE;
  }

  #choose(listener: unknown): void {
    this.#listener = listener;
    const isApp = isExpress(listener);
    this.#request = isApp ? constructorWith(NODE_REQUEST, listener.request) : NODE_REQUEST;
    this.#response = isApp ? constructorWith(NODE_RESPONSE, listener.response) : NODE_RESPONSE;
  }
}

type Constructor = new (first: unknown, second: unknown) => object;

/** A server with the classes that it keeps under symbols, and its listeners. */
interface WithClasses {
  readonly _events: { readonly request?: unknown };
  [slot: symbol]: unknown;
}

interface ExpressApp {
  readonly request: object;
  readonly response: object;
}

const NODE_REQUEST = http.IncomingMessage as unknown as Constructor;
const NODE_RESPONSE = http.ServerResponse as unknown as Constructor;

/** The symbol under which the server keeps the class of that name; undefined where that is not Node's own. */
function slotOf(server: WithClasses, name: string, base: Constructor): symbol | undefined {
  return Object.getOwnPropertySymbols(server).find((slot) => slot.description === name && server[slot] === base);
}

/** An Express application, 4 or 5: the only kind of listener that brings prototypes for both. */
function isExpress(listener: unknown): listener is ExpressApp {
  if (typeof listener !== 'function') return false;
  const app = listener as Partial<ExpressApp & { handle: unknown }>;
  return (
    typeof app.handle === 'function' &&
    app.request instanceof http.IncomingMessage &&
    app.response instanceof http.ServerResponse
  );
}

/** A function that makes what `base` makes, with another prototype. */
function constructorWith(base: Constructor, prototype: object): Constructor {
  const initialize = base as unknown as (this: object, first: unknown, second: unknown) => void;
  function Message(this: Record<string, unknown>, first: unknown, second: unknown): void {
    // V8 makes room within an object for as many properties as it sees assigned here; those that `base` assigns it
    // would have to keep outside, growing that store a dozen times.
    if (never) {
      this.a = this.b = this.c = this.d = this.e = this.f = this.g = this.h = this.i = this.j = this.k = this.l = 0;
      this.m = this.n = this.o = this.p = this.q = this.r = this.s = this.t = this.u = this.v = this.w = this.x = 0;
      this.y = this.z = this.A = this.B = this.C = this.D = this.E = this.F = this.G = this.H = this.I = this.J = 0;
      this.K = this.L = this.M = this.N = this.O = this.P = this.Q = this.R = this.S = this.T = this.U = this.V = 0;
    }
    initialize.call(this, first, second);
  }
  Message.prototype = prototype;
  return Message as unknown as Constructor;
}

/** Never true, and not known to the compiler to be so. */
const never: boolean = http.STATUS_CODES[200] === undefined;
