import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from '../core/timers.ts';
import type { Peer } from '../link/frames.ts';

/** Handles call back in the async context of nobody's request, whoever closes them. */
const NOWHERE = new AsyncResource('TCPWRAP');

/** What net.Socket needs of a handle, for a connection of which the other end is the link. */
export class LinkHandle {
  readonly #peer: Peer;
  reading = false;
  bytesRead = 0;
  bytesWritten = 0;
  writeQueueSize = 0;
  onread: unknown = null;
  isReset = false;
  onClose: (isReset: boolean) => void = () => {};
  onProbes: (isOn: boolean, afterSeconds: number) => void = () => {};

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  readStart(): number {
    return 0;
  }

  readStop(): number {
    return 0;
  }

  /** The keys are in Node's order here and below: an app may print what it gets. */
  getpeername(out: Record<string, unknown>): number {
    if (this.#peer.remoteFamily === undefined) return 0;
    out.address = this.#peer.remoteAddress;
    out.family = this.#peer.remoteFamily;
    out.port = this.#peer.remotePort;
    return 0;
  }

  getsockname(out: Record<string, unknown>): number {
    if (this.#peer.localFamily === undefined) return 0;
    out.address = this.#peer.localAddress;
    out.family = this.#peer.localFamily;
    out.port = this.#peer.localPort;
    return 0;
  }

  setNoDelay(): number {
    return 0;
  }

  setKeepAlive(isOn: boolean, afterSeconds: number): number {
    this.onProbes(isOn, afterSeconds);
    return 0;
  }

  ref(): void {}

  unref(): void {}

  hasRef(): boolean {
    return true;
  }

  reset(callback: () => void): number {
    this.isReset = true;
    this.close(callback);
    return 0;
  }

  close(callback: () => void): void {
    this.onClose(this.isReset);
    NOWHERE.runInAsyncScope(setImmediate, undefined, callback);
  }
}
