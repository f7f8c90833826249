import type { AddressInfo } from 'node:net';
import type { FromBalancer, OpenedPort } from '../channel/messages.ts';
import type { AcceptPause } from '../clients/accept-pause.ts';
import type { Listener } from '../clients/listener.ts';
import { type ActivatedSocket, activatedFor } from '../core/activated-socket.ts';
import type { ListenAnswer } from '../core/listen-answer.ts';
import { CAN_REUSE_PORT } from '../core/reuse-port.ts';
import type { ListenRequest } from '../link/frames.ts';

export interface PortOpenerHost {
  /** Index of this thread; thread 0 opens ports first, the others join it there. */
  readonly thread: number;
  readonly threads: number;
  readonly pause: AcceptPause;
  /** Listening sockets that were passed to the process. */
  readonly activated: readonly ActivatedSocket[];
  /** By key, what was open in threads of before. */
  readonly opened: ReadonlyMap<string, OpenedPort>;
  tell(message: FromBalancer): void;
}

/** Opens ports so that all balancer threads accept at the same addresses, those of before and those to come among them. */
export class PortOpener {
  readonly #host: PortOpenerHost;
  /** Descriptors of {@link PortOpenerHost.activated} that are in use, or were. */
  readonly #taken = new Set<number>();
  /** By key, what thread 0 has told of ports, and what was open before this thread. */
  readonly #announced: Map<string, OpenedPort>;
  readonly #awaited = new Map<string, (opened: OpenedPort) => void>();
  /** By descriptor of thread 0's, who has accepted on it first. */
  readonly #borrowers = new Map<number, Listener>();
  /** By key, which of {@link #announced} is of the port that is open here. */
  readonly #used = new Map<string, OpenedPort>();
  /** By key, what has been opened last and not been closed; the system may not have opened it yet. */
  readonly #opening = new Map<string, Listener>();
  /** By key, what this thread, being thread 0, has told of ports that it has open. */
  readonly #told = new Map<string, OpenedPort>();

  constructor(host: PortOpenerHost) {
    this.#host = host;
    this.#announced = new Map(host.opened);
  }

  /** What came of opening that port when it was opened last, by any thread. */
  answerBefore(key: string): ListenAnswer | undefined {
    return this.#announced.get(key)?.answer;
  }

  /**
   * Thread 0 has opened a port, or could not: those that wait to join it there hear of either.
   *
   * @param isOpen it is open here, and not about to be closed
   */
  adopt(opened: OpenedPort, isOpen: boolean): void {
    // A refusal is no answer to whoever asks later: then the port may be free.
    if (opened.answer.ok) this.#announced.set(opened.key, opened);
    else this.#announced.delete(opened.key);
    this.#awaited.get(opened.key)?.(opened);
    this.#awaited.delete(opened.key);
    if (isOpen) this.#use(opened.key);
  }

  /** The port has been closed, in this thread at least. */
  forget(key: string): void {
    // What thread 0 has told meanwhile is of one that it keeps, or has opened again.
    if (this.#announced.get(key) === this.#used.get(key)) this.#announced.delete(key);
    this.#used.delete(key);
    this.#told.delete(key);
    this.#opening.delete(key);
    this.#awaited.delete(key);
  }

  /** A port that was about to be closed stays open. A thread that has closed its own waits to hear that it may join it again. */
  kept(key: string): void {
    this.#use(key);
    const opened = this.#told.get(key);
    if (opened !== undefined) this.#host.tell({ type: 'port-opened', opened });
  }

  open(key: string, listener: Listener, request: ListenRequest): Promise<ListenAnswer> {
    return this.#host.thread === 0 ? this.#open(key, listener, request) : this.#join(key, listener, request);
  }

  async #open(key: string, listener: Listener, request: ListenRequest): Promise<ListenAnswer> {
    const isShared = this.#host.threads > 1;
    // A thread that was restarted takes the port that the others still have.
    const before = this.answerBefore(key);
    this.#use(key);
    this.#opening.set(key, listener);
    const passed = activatedFor(this.#host.activated, request);
    if (passed !== null && !this.#taken.has(passed.fd)) {
      // Once it is closed its number is that of something else.
      this.#taken.add(passed.fd);
      const answer = await listener.take(passed.fd).then(() => activatedAnswer(passed), errorAnswerOf);
      this.#tell({ key, fd: -1, answer }, listener);
      return answer;
    }
    const port = before?.ok && isShared ? before.port : request.port;
    const answer = await this.#listen(listener, { ...request, port }, isShared && CAN_REUSE_PORT);
    if (isShared && !CAN_REUSE_PORT && request.path === null) listener.lend();
    // Where this thread has lost it the others go on.
    if (answer.ok || !before?.ok) this.#tell({ key, fd: listener.descriptor, answer }, listener);
    return answer;
  }

  #use(key: string): void {
    const opened = this.#announced.get(key);
    if (opened !== undefined) this.#used.set(key, opened);
  }

  #tell(opened: OpenedPort, listener: Listener): void {
    // It has been closed meanwhile, which was told.
    if (this.#opening.get(opened.key) !== listener) return;
    if (opened.answer.ok) this.#told.set(opened.key, opened);
    this.#host.tell({ type: 'port-opened', opened });
  }

  /** A thread other than 0: on a socket of its own where the system can, else on thread 0's. */
  async #join(key: string, listener: Listener, request: ListenRequest): Promise<ListenAnswer> {
    const { fd, answer } =
      this.#announced.get(key) ?? (await new Promise<OpenedPort>((resolve) => this.#awaited.set(key, resolve)));
    this.#use(key);
    // Of a Unix socket there is one, and of one that was passed to us; thread 0 accepts for all.
    if (!answer.ok || request.path !== null || fd === -1) return answer;
    if (CAN_REUSE_PORT) return this.#listen(listener, { ...request, port: answer.port }, true);
    await this.#borrow(fd, listener);
    return answer;
  }

  /**
   * A descriptor of thread 0's can be closed there only. libuv takes its number once in a thread (EEXIST), also where it has been
   * closed since and is that of another port by now, on which thread 0 accepts for all then.
   */
  async #borrow(fd: number, listener: Listener): Promise<void> {
    const before = this.#borrowers.get(fd);
    if (before !== undefined) {
      before.passOnTo(listener);
      return;
    }
    this.#borrowers.set(fd, listener);
    // Thread 0 may have closed it by now; else it accepts for all.
    await listener.adopt(fd).catch(() => this.#borrowers.delete(fd));
  }

  /** @param isShared other threads have, or will have, a socket of their own there */
  async #listen(listener: Listener, request: ListenRequest, isShared: boolean): Promise<ListenAnswer> {
    const options = { ...request, reusePort: isShared && request.path === null };
    await this.#host.pause.freed();
    const answer = await listener.listen(options).then(answerOf, errorAnswerOf);
    const isOnlyOurs = options.reusePort || this.#host.threads === 1;
    if (answer.ok && request.path === null && isOnlyOurs) listener.allowPause(options, answer.port);
    return answer;
  }
}

function answerOf(address: AddressInfo | string): ListenAnswer {
  return typeof address === 'string'
    ? { ok: true, address, port: -1, family: 'unix' }
    : { ok: true, address: address.address, port: address.port, family: address.family };
}

function activatedAnswer({ host, port, family, path }: ActivatedSocket): ListenAnswer {
  return { ok: true, address: path ?? host ?? '', port, family };
}

function errorAnswerOf(error: NodeJS.ErrnoException): ListenAnswer {
  return { ok: false, code: error.code ?? 'EUNKNOWN', errno: error.errno ?? 0, message: error.message };
}
