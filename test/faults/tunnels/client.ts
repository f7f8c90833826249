import net from 'node:net';
import { nameOf, Part, PatternCheck } from '../bodies/pattern.ts';
import { watchSilence } from '../bodies/silence.ts';
import type { TunnelPlan } from './plan.ts';
import { type Seen, TunnelEnd } from './tunnel-end.ts';

/** How a tunnel has ended for its client. */
export interface Ended {
  readonly plan: TunnelPlan;
  /** Of the response; 0 = none came, or none whole where it opens no tunnel. */
  readonly status: number;
  readonly seen: Seen;
  /** Monotonic ms. */
  readonly sentAtMs: number;
  readonly endedAtMs: number;
}

const OPENED = 101;
const DECLINED = 403;
const HEAD_END = '\r\n\r\n';

/** Asks for a tunnel and sees it through. */
export class TunnelClient {
  /** Resolves when the connection has closed. */
  readonly ended: Promise<Ended>;
  readonly #socket: net.Socket;
  readonly #plan: TunnelPlan;
  #end: TunnelEnd | null = null;
  #head = '';
  #status = 0;
  /** Of a response that opens no tunnel, still to come. */
  #bodyBytes = 0;
  /** Compares it, where the app has sent it. */
  #body: PatternCheck | null = null;
  #wrong: string | null = null;

  constructor(url: string, plan: TunnelPlan) {
    this.#plan = plan;
    this.#socket = net.connect({ host: '127.0.0.1', port: Number(new URL(url).port), allowHalfOpen: true });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    // A response that opens no tunnel, and ends before it is whole.
    this.#socket.on('end', () => this.#status !== OPENED && this.#socket.destroy());
    this.ended = this.#run();
    this.#socket.write(requestOf(plan));
    if (plan.isEager) void this.#end!.send();
  }

  async #run(): Promise<Ended> {
    const sentAtMs = performance.now();
    const watch = this.#watch();
    const seen = await new Promise<Seen>((resolve) => {
      this.#end = new TunnelEnd(this.#socket, this.#plan, 'client', resolve);
    });
    clearInterval(watch);
    return {
      plan: this.#plan,
      status: this.#bodyBytes > 0 ? 0 : this.#status,
      seen: { ...seen, wrong: this.#wrong ?? seen.wrong },
      sentAtMs,
      endedAtMs: performance.now(),
    };
  }

  #take(bytes: Buffer): void {
    if (this.#status === OPENED) this.#end!.take(bytes);
    else if (this.#status > 0) this.#takeBody(bytes);
    else this.#takeHead(bytes);
  }

  #takeHead(bytes: Buffer): void {
    const before = this.#head.length;
    this.#head += bytes.latin1Slice();
    const end = this.#head.indexOf(HEAD_END) + HEAD_END.length;
    if (end < HEAD_END.length) return;
    const head = this.#head.slice(0, end);
    const rest = bytes.subarray(end - before);
    this.#status = Number(head.slice('HTTP/1.1 '.length).slice(0, 3));
    const { id, down, isDeclined, isEager } = this.#plan;
    const isApps = this.#status === (isDeclined ? DECLINED : OPENED);
    if (this.#status < 500 && !(isApps && head.includes(`X-Id: ${nameOf(id)}\r\n`))) {
      this.#wrong = `an answer to another: ${head}`;
    }
    if (this.#status === OPENED) {
      if (rest.length > 0) this.#end!.take(rest);
      if (!isEager) void this.#end!.send();
      return;
    }
    if (isApps) this.#body = new PatternCheck(Part.Download, id, down);
    this.#bodyBytes = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? 0);
    this.#takeBody(rest);
  }

  #takeBody(bytes: Buffer): void {
    this.#wrong ??= this.#body?.take(bytes) ?? null;
    this.#bodyBytes -= bytes.length;
    if (this.#bodyBytes <= 0) this.#socket.destroy();
  }

  #watch(): NodeJS.Timeout {
    const isAwaiting = (): boolean => true;
    return watchSilence(this.#socket, isAwaiting, (what) => {
      this.#wrong ??= what;
      this.#socket.destroy();
    });
  }
}

function requestOf(plan: TunnelPlan): string {
  const protocol = plan.isWebSocket ? 'websocket' : 'pattern';
  const lines = [
    `GET /${nameOf(plan.id)} HTTP/1.1`,
    'Host: tunnels',
    'Connection: Upgrade',
    `Upgrade: ${protocol}`,
    `X-Plan: ${JSON.stringify(plan)}`,
  ];
  return `${lines.join('\r\n')}${HEAD_END}`;
}
