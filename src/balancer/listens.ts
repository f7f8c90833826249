import { constants } from 'node:os';
import type { FromBalancer } from '../channel/messages.ts';
import type { ListenAnswer } from '../core/listen-answer.ts';
import { FrameType, type Listening, type ListenRequest } from '../link/frames.ts';
import type { LinkTransport } from '../transports/link-transport.ts';
import { addressOf, type Place, type Port, type Ports } from './ports.ts';

/** A listener that a worker's app has opened. */
interface Listen {
  readonly worker: number;
  /** The place that it stands for. */
  place: Place;
  request: ListenRequest;
  /**
   * Whether it counts as listening. A server of bytes may be a look whether the port is free, and is closed as soon as it
   * listens; one that stays is told of once more when the app has been told.
   */
  stays: boolean;
  /** Where it listens, once it gets connections. */
  answer: (ListenAnswer & { ok: true }) | null;
}

export interface ListensHost {
  readonly ports: Ports;
  /** Nothing new is accepted any more. */
  readonly isDraining: boolean;
  poolOf(worker: number): string;
  /** It is served on an address of its own, and not over a link as well. */
  isServedElsewhere(worker: number): boolean;
  /** Base64; the same for all workers that listen there. */
  ticketKeysOf(place: Place): string;
  tell(message: FromBalancer): void;
}

/**
 * What workers listen on: answers them, and lets them join the pools of their places.
 *
 * A port speaks one protocol, bytes or HTTP. Within one app a server of bytes where others serve HTTP already is answered
 * as if it listened, as under node:cluster, and gets no connections: packages that look for a free port open one and close
 * it. HTTP where such a server listens makes the port speak HTTP.
 */
export class Listens {
  readonly #host: ListensHost;
  readonly #listens = new Map<LinkTransport, Map<number, Listen>>();
  /** Which of its link's listens the next one is; counted on while any is open, so that two never share a number. */
  readonly #nextOrdinal = new WeakMap<LinkTransport, number>();

  constructor(host: ListensHost) {
    this.#host = host;
  }

  /** Where a worker listens. */
  placesOf(link: LinkTransport): Place[] {
    return [...(this.#listens.get(link)?.values() ?? [])].map(({ place }) => place);
  }

  linked(link: LinkTransport): void {
    this.#listens.set(link, new Map());
  }

  unlinked(link: LinkTransport): void {
    for (const { place } of this.#listens.get(link)?.values() ?? []) {
      place.workers.delete(link);
      place.silent.delete(link);
      this.#host.ports.leaveIfForsaken(place);
    }
    this.#listens.delete(link);
  }

  /** The app listens, or tells of a listener again. @returns false for a link that is not known */
  listen(worker: number, link: LinkTransport, listenId: number, request: ListenRequest): boolean {
    const listens = this.#listens.get(link);
    if (listens === undefined) return false;
    const known = listens.get(listenId);
    if (known !== undefined) {
      this.#again(known, link, request);
      return true;
    }
    const ordinal = listens.size === 0 ? 0 : this.#nextOrdinal.get(link)!;
    this.#nextOrdinal.set(link, ordinal + 1);
    const { ports } = this.#host;
    const place = ports.placeFor(this.#host.poolOf(worker), request, ordinal);
    const isTaken = place !== null && (place.workers.has(link) || place.silent.has(link));
    if (place === null || isTaken || this.#host.isServedElsewhere(worker)) {
      // To workers of an app one port is the same; to one process, or to another app, it is taken.
      const first = [...listens.values()].find((other) => other.place === place)?.request.port ?? request.port;
      this.#refuse(worker, link, listenId, request, first);
      return true;
    }
    const listen: Listen = { worker, place, request, stays: request.protocol === 'http', answer: null };
    listens.set(listenId, listen);
    if (request.protocol === 'tcp' && place.port.request.protocol === 'http') {
      place.silent.set(link, listenId);
    } else {
      if (request.protocol !== place.port.request.protocol) this.#silence(listen);
      listen.place.workers.set(link, listenId);
      ports.applyLimits(listen.place, request.server);
    }
    this.#answerOnceOpen(link, listenId, place.port);
    return true;
  }

  unlisten(link: LinkTransport, listenId: number): void {
    const listens = this.#listens.get(link);
    const listen = listens?.get(listenId);
    if (listens === undefined || listen === undefined) return;
    listens.delete(listenId);
    const { place } = listen;
    if (place.silent.delete(link)) return;
    place.workers.delete(link);
    link.endpoint.leave(place.dispatcher.pool);
    // The port stays open while anybody listens; a worker that died has not closed it.
    if (place.workers.size > 0 || this.#host.isDraining) return;
    if (place.silent.size > 0 && place.port.places.size === 1) this.#wake(place);
    else this.#host.ports.leave(place);
  }

  /** Its server's settings have changed since, or it stays. */
  #again(listen: Listen, link: LinkTransport, request: ListenRequest): void {
    listen.request = request;
    if (listen.place.workers.has(link)) this.#host.ports.applyLimits(listen.place, request.server);
    if (listen.stays) return;
    listen.stays = true;
    this.#tell(listen);
  }

  /** The port speaks HTTP from now on; the servers of bytes that have listened there get no more connections. */
  #silence(listen: Listen): void {
    const before = listen.place;
    listen.place = this.#host.ports.speak(before, listen.request);
    for (const [link, listenId] of before.workers) {
      link.endpoint.leave(before.dispatcher.pool);
      const other = this.#listens.get(link)!.get(listenId)!;
      other.place = listen.place;
      other.answer = null;
      listen.place.silent.set(link, listenId);
    }
  }

  /** Nobody serves HTTP there any more: the port goes over to the servers of bytes that were silent. */
  #wake(before: Place): void {
    const silent = [...before.silent].map(([link, id]) => ({ link, id, listen: this.#listens.get(link)!.get(id)! }));
    const place = this.#host.ports.speak(before, silent[0]!.listen.request);
    for (const { link, id, listen } of silent) {
      listen.place = place;
      place.workers.set(link, id);
      this.#answerOnceOpen(link, id, place.port);
    }
  }

  #answerOnceOpen(link: LinkTransport, listenId: number, port: Port): void {
    this.#host.ports.whenOpened(port, (answer) => this.#answer(link, listenId, port, answer));
  }

  #answer(link: LinkTransport, listenId: number, port: Port, answer: ListenAnswer): void {
    const listens = this.#listens.get(link);
    const listen = listens?.get(listenId);
    if (listens === undefined || listen?.place.port !== port) return;
    const { place, worker } = listen;
    const isSilent = place.silent.has(link);
    const listener = isSilent ? NO_LISTENER : port.context.listenerId;
    const ticketKeys = isSilent || port.request.protocol === 'http' ? null : this.#host.ticketKeysOf(place);
    answerTo(link, listenId, { ...answer, listener, ticketKeys });
    if (!answer.ok) {
      // One that has been told before takes no notice, and serves on when the port is open again.
      if (port.lost === null) {
        listens.delete(listenId);
        place.workers.delete(link);
        place.silent.delete(link);
      }
      const { host, path, port: number } = port.request;
      this.#host.tell({ type: 'listen-failed', worker, code: answer.code, address: path ?? host, port: number });
      return;
    }
    if (isSilent) return;
    link.endpoint.join(place.dispatcher.pool);
    listen.answer = answer;
    this.#tell(listen);
  }

  #tell({ worker, place, stays, answer }: Listen): void {
    if (!stays || answer === null) return;
    this.#host.tell({ type: 'worker-listening', worker, listener: addressOf(answer, place.port.request.protocol) });
  }

  /** @param first the port that the process itself has asked for and got this one for, else the same */
  #refuse(worker: number, link: LinkTransport, listenId: number, request: ListenRequest, first: number): void {
    const { host, port, path } = request;
    // An app that opens a port for its metrics first, and then the one in PORT.
    const why =
      first === port ? '' : ` (by --port, in place of the app's first port, ${first}; set PORT=${port} instead)`;
    const message = `listen EADDRINUSE: address already in use${why} ${path ?? `${host ?? '::'}:${port}`}`;
    const answer: ListenAnswer = { ok: false, code: 'EADDRINUSE', errno: -constants.errno.EADDRINUSE, message };
    answerTo(link, listenId, { ...answer, listener: NO_LISTENER, ticketKeys: null });
    this.#host.tell({ type: 'listen-failed', worker, code: answer.code, address: path ?? host, port });
  }
}

function answerTo(link: LinkTransport, listenId: number, answer: Listening): void {
  link.control(FrameType.Listening, listenId, answer);
}

/** In place of a listener's number: no connection comes from it. */
const NO_LISTENER = -1;
