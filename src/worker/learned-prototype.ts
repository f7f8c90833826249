import http from 'node:http';
import type { CapturableServer } from './node-http.ts';

/**
 * Makes requests and responses be born with the prototype that the app will give them.
 *
 * Express begins every request with `Object.setPrototypeOf(req, app.request)`, and the same for the response. In the V8
 * of Node 20 and 22 an object whose prototype was replaced has a map that keeps no transitions: every property added
 * afterwards makes a map of its own, every request anew, and all code that touches the object misses its inline caches.
 * That is three quarters of what a small Express answer costs there: 38 µs of 45 µs (bench/e2e, case express). An
 * object that is born with the prototype has ordinary maps, and setting the one it has already does nothing.
 *
 * Nothing is replaced in the app: the server is given, as its `IncomingMessage` and `ServerResponse`, functions that do
 * what Node's do. Apps that bring classes of their own are left alone.
 */
export class LearnedPrototype {
  readonly #server: Readonly<Record<symbol, Constructor>>;
  readonly #slot: symbol;
  readonly #base: Constructor;
  #candidate: object | null = null;
  #agreements = 0;
  #observations = 0;
  #isSettled = false;

  /** @param name `IncomingMessage` or `ServerResponse`: under a symbol of that name a server keeps its class. */
  constructor(server: CapturableServer, name: 'IncomingMessage' | 'ServerResponse') {
    this.#server = server as unknown as Record<symbol, Constructor>;
    this.#base = http[name] as unknown as Constructor;
    const slot = Object.getOwnPropertySymbols(server).find((symbol) => symbol.description === name);
    this.#slot = slot ?? Symbol(name);
    if (this.#server[this.#slot] !== this.#base) this.#isSettled = true;
  }

  /** Nothing more is to be learned. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** What became of an object by the time its handler returned. */
  observe(message: object): void {
    if (this.#isSettled) return;
    const prototype = Object.getPrototypeOf(message) as object;
    if (prototype === this.#candidate) this.#agreements++;
    else this.#agreements = 0;
    this.#candidate = prototype;
    if (this.#agreements >= AGREEMENTS) this.#settle(prototype);
    else if (++this.#observations >= OBSERVATIONS) this.#isSettled = true;
  }

  #settle(prototype: object): void {
    this.#isSettled = true;
    // Only what adds to Node's own: anything else is not for us to understand.
    if (prototype === this.#base.prototype || !Object.prototype.isPrototypeOf.call(this.#base.prototype, prototype))
      return;
    (this.#server as Record<symbol, Constructor>)[this.#slot] = constructorWith(this.#base, prototype);
  }
}

type Constructor = new (first: unknown, second: unknown) => object;

/** So many requests in a row have to agree before they are believed. */
const AGREEMENTS = 8;

/** An app that has not made up its mind by then will not. */
const OBSERVATIONS = 256;

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
