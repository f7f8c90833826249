import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { AcceptPause } from '../../src/clients/accept-pause.ts';
import { ClientAdmission } from '../../src/clients/client-admission.ts';
import { type ClientConnection, type ClientContext, ClientRegistry } from '../../src/clients/client-context.ts';
import { Listener } from '../../src/clients/listener.ts';
import { Clock } from '../../src/core/clock.ts';
import { Router } from '../../src/exchange/router.ts';
import { Counters } from '../../src/observability/counters.ts';
import { until } from '../support/until.ts';

const LIMIT = 4;
const ANY = { host: '127.0.0.1', port: 0, path: null, ipv6Only: false, reusePort: false, backlog: 0 };

/** Greets its client, and is busy or idle as the test says. */
class Greeting implements ClientConnection {
  static isIdle = false;
  readonly id: number;
  readonly listenerId: number;
  readonly deadlineMs = 0;
  readonly idleSinceMs = 0;
  readonly end = 'closed';
  readonly #socket: net.Socket;

  constructor(handle: object, context: ClientContext) {
    const { clients } = context;
    this.id = clients.nextId();
    this.listenerId = context.listenerId;
    this.#socket = new net.Socket({ handle } as net.SocketConstructorOpts);
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => clients.remove(this));
    this.#socket.resume();
    this.#socket.write('hello');
    clients.add(this);
  }

  get isIdle(): boolean {
    return Greeting.isIdle;
  }

  onDeadline(): void {}
  drain(): void {}
  closeAfterResponse(): void {}
  probe(): void {}
  destroy(): void {
    this.#socket.destroy();
  }
}

/** A client, and whether it was greeted, or told that there is no room. */
class Newcomer {
  readonly socket: net.Socket;
  #text = '';

  constructor(t: TestContext, port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.setEncoding('latin1').on('data', (text: string) => {
      this.#text += text;
    });
    t.after(() => this.socket.destroy());
  }

  get isGreeted(): boolean {
    return this.#text.startsWith('hello');
  }

  get isRefused(): boolean {
    return this.#text.startsWith('HTTP/1.1 503');
  }
}

async function listening(t: TestContext) {
  Greeting.isIdle = false;
  let pauses = 0;
  const counters = new (class extends Counters {
    override acceptPaused(): void {
      pauses++;
    }
  })();
  const clients: ClientRegistry = new ClientRegistry(new Clock(), () => pause.left());
  const admission = new ClientAdmission(clients, counters);
  admission.configure({ total: LIMIT, perAddress: Number.POSITIVE_INFINITY, proxies: null });
  const pause: AcceptPause = new AcceptPause(admission, counters);
  pause.configure(LIMIT);
  const listener = new Listener(
    {
      listenerId: 1,
      router: new Router(),
      counters,
      clients,
      limits: { maxHeadBytes: 1, maxFields: 1, requireHost: true },
      timeouts: { headMs: 0, requestMs: 0, bodyMs: 0, keepAliveMs: 0 },
      handlesClientError: false,
      admission,
      pause,
      speaksHttp: true,
      connections: 0,
      connectionLimit: () => Number.POSITIVE_INFINITY,
    },
    Greeting,
  );
  const { port } = (await listener.listen(ANY)) as net.AddressInfo;
  listener.allowPause(ANY, port);
  t.after(() => {
    listener.close();
    pause.close();
    clients.destroyAll();
  });
  return { clients, pause, listener, port, pauses: () => pauses };
}

type Listening = Awaited<ReturnType<typeof listening>>;

/** As many clients as there may be, in a moment at which nobody more is accepted. */
async function full(t: TestContext, { port, listener, clients }: Listening): Promise<Newcomer[]> {
  const guests: Newcomer[] = [];
  await until('a pause', async () => {
    // Until the socket is kept elsewhere too many are refused; after a pause in vain there has to be room once.
    for (const guest of guests.splice(0)) guest.socket.destroy();
    await until('all to be gone', () => clients.size === 0);
    while (guests.length < LIMIT) {
      const guest = new Newcomer(t, port);
      guests.push(guest);
      await until('a guest to be let in', () => guest.isGreeted);
    }
    return listener.isPaused;
  });
  return guests;
}

test('nobody is accepted while there is no room, and who waited is let in when somebody leaves', async (t) => {
  const listening_ = await listening(t);
  const { port, listener, pauses } = listening_;
  await until('one that waited to be let in', async () => {
    const [first] = await full(t, listening_);
    const waiting = new Newcomer(t, port);
    await once(waiting.socket, 'connect');
    const wasPaused = listener.isPaused;
    first!.socket.destroy();
    await until('an answer', () => waiting.isGreeted || waiting.isRefused);
    // A slow machine may have needed more than the second for which clients wait.
    return wasPaused && waiting.isGreeted;
  });
  assert.ok(pauses() > 0);
});

test('nobody waits for longer than a second, nor again until there was room', async (t) => {
  const listening_ = await listening(t);
  const { port, pauses } = listening_;
  const [first] = await full(t, listening_);
  const waiting = new Newcomer(t, port);
  await until('it to be told', () => waiting.isRefused);
  const before = pauses();
  const next = new Newcomer(t, port);
  await until('the next one to be told', () => next.isRefused);
  assert.equal(pauses(), before);
  first!.socket.destroy();
  await until('one to be let in', async () => {
    const last = new Newcomer(t, port);
    await until('an answer', () => last.isGreeted || last.isRefused);
    return last.isGreeted;
  });
});

test('goes on when one has become idle', async (t) => {
  const listening_ = await listening(t);
  await full(t, listening_);
  Greeting.isIdle = true;
  await until('it to accept again', () => !listening_.listener.isPaused);
  const newcomer = new Newcomer(t, listening_.port);
  await until('it to be let in', () => newcomer.isGreeted);
  assert.equal(listening_.clients.size, LIMIT, 'in the place of one that was idle');
});

test('a listener that is closed in a pause is closed for good, wherever its socket is', async (t) => {
  const listening_ = await listening(t);
  const [first] = await full(t, listening_);
  listening_.listener.close();
  first!.socket.destroy();
  await until('connections to be refused', async () => {
    const socket = net.connect(listening_.port, '127.0.0.1');
    return new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(true));
      socket.once('connect', () => {
        socket.destroy();
        resolve(false);
      });
    });
  });
  assert.equal(listening_.listener.handle, null);
});

test('the address of a listener that is closed is free again, also while its socket is on its way elsewhere', async (t) => {
  const listening_ = await listening(t);
  const { port, listener, pause, clients } = listening_;
  // The third of four is what starts the keeper.
  for (let guests = 1; guests < LIMIT; guests++) new Newcomer(t, port);
  await until('them to be let in', () => clients.size === LIMIT - 1);
  listener.close();
  await pause.freed();
  const again = net.createServer().listen(port, '127.0.0.1');
  await once(again, 'listening');
  again.close();
});

test('a keeper that does not answer is ended, and what it had is free', async (t) => {
  const listening_ = await listening(t);
  const { port, listener, pause } = listening_;
  await full(t, listening_);
  const keeper = await until('the keeper', keeperOfThisProcess);
  process.kill(keeper, 'SIGSTOP');
  listener.close();
  await pause.freed();
  await until('the address to be free', async () => {
    const again = net.createServer();
    const isFree = new Promise<boolean>((resolve) => {
      again.once('error', () => resolve(false));
      again.once('listening', () => resolve(true));
    });
    again.listen(port, '127.0.0.1');
    const wasFree = await isFree;
    if (wasFree) again.close();
    return wasFree;
  });
});

function keeperOfThisProcess(): number | null {
  const children = readdirSync('/proc/self/task').flatMap((task) => procFile(`self/task/${task}/children`).split(' '));
  const keeper = children.findLast((pid) => pid !== '' && procFile(`${pid}/cmdline`).includes('socket-holder'));
  return keeper === undefined ? null : Number(keeper);
}

/** Empty for a thread or a process that has ended meanwhile. */
function procFile(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8').trim();
  } catch {
    return '';
  }
}
