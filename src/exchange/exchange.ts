import { strict as assert } from 'node:assert';
import { NO_KEY } from '../balancing/policy.ts';
import { factsOf, Outcome } from '../core/outcome.ts';
import { setTimeout } from '../core/timers.ts';
import { methodName } from '../http1/method-names.ts';
import { isSafe, Method } from '../http1/methods.ts';
import { Framing } from '../http1/request-head.ts';
import { BAD_RESPONSE, ResponseHead } from '../http1/response-head.ts';
import { areTrailers } from '../http1/trailers.ts';
import { REQUEST_WINDOW_BYTES, RESPONSE_GRANT_BYTES, type Refusal } from '../link/frames.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { SessionWatch } from './affinity.ts';
import type { Dispatcher } from './dispatcher.ts';
import { RequestBody } from './request-body.ts';
import type { ConnectionEnd, ExchangeClient, Transport } from './transport.ts';
import type { Waiting } from './wait-queue.ts';

/**
 * Where an exchange stands. Legal steps: Waiting -> Opened -> Responding -> Responded -> Finished, Opened -> Tunnel ->
 * Finished, Opened -> Waiting (moved or retried), and from anywhere to Finished.
 */
export const ExchangeState = {
  /** For an endpoint: new, queued, or taken back from one that was lost. */
  Waiting: 0,
  /** Sent to an endpoint that has not answered. */
  Opened: 1,
  Responding: 2,
  /** The response is complete, the request's body is not. */
  Responded: 3,
  Tunnel: 4,
  Finished: 5,
} as const;
export type ExchangeState = (typeof ExchangeState)[keyof typeof ExchangeState];

/** Times a request may be handed over before it is given up, so that one which kills before it begins does not go round. */
const MAX_MOVES = 8;

/**
 * 1xx heads before a response. A long job may send 102 every second for a quarter of an hour; what comes without end
 * would pile up for a client that does not read, since nobody grants credit for it.
 */
const MAX_INTERIMS = 1000;

/** All of them together. */
const MAX_INTERIM_BYTES = 256 * 1024;

/** What an endpoint does not take for so long of a request that was answered, and whose client has gone, it never will. */
const REST_LIMIT_MS = 300_000;

/** Response heads are read one at a time, so one parser serves the thread. It describes the head of the running call. */
export const RESPONSE_HEAD: ResponseHead = new ResponseHead();

/** What a client connection knows of a request when its head is complete. */
export interface RequestFacts {
  readonly connectionId: number;
  readonly method: number;
  readonly minorVersion: number;
  /** The head in latin1, from the request line to the CRLF of the last field, as received. */
  readonly lines: string;
  /** Where the request-target stands in {@link lines}. */
  readonly targetOffset: number;
  readonly targetLength: number;
  readonly hasBody: boolean;
  readonly wantsUpgrade: boolean;
  readonly keepAlive: boolean;
  /** Not a request: the app is to answer a malformed one itself. */
  readonly refusal: Refusal | null;
  /** Its body is declared to be longer than is kept for a move. */
  readonly isLarge?: boolean;
  /** Not a request but the connection itself, which has no head: bytes both ways from the beginning. */
  readonly isConnection?: true;
}

/** One request and its response. The client's connection and the endpoint's transport meet here and only here. */
export class Exchange {
  readonly client: ExchangeClient;
  readonly dispatcher: Dispatcher;
  readonly connectionId: number;
  readonly method: number;
  readonly minorVersion: number;
  readonly lines: string;
  readonly targetOffset: number;
  readonly targetLength: number;
  /** It asks for another protocol, and nobody has declined. */
  wantsUpgrade: boolean;
  readonly keepAlive: boolean;
  readonly refusal: Refusal | null;
  /** A whole connection; neither it nor a refusal has {@link lines}. */
  readonly isConnection: boolean;
  readonly startedAtMs: number;
  /** null when the request has no body and wants no tunnel. */
  body: RequestBody | null;

  /** Number of the stream on the transport. */
  stream = 0;
  /** Bytes of the body that the endpoint will take now. */
  credit = 0;
  /** Its place in the queue; null while it does not wait for an endpoint. */
  waiting: Waiting | null = null;
  /** So long it waited there before it was sent to an endpoint, each time that it was. ms */
  queuedMs = 0;
  /** It was given to the dispatcher, which waits for its end. */
  isAdmitted = false;
  /** Status of the answer, ours or the endpoint's; 0 = none was sent. 101 and 200 where a connection was taken over. */
  status = 0;
  /** When an endpoint first got it; 0 = none has. Monotonic ms, as the next one. */
  openedAtMs = 0;
  /** When the head of the response came; 0 = it has not. */
  respondedAtMs = 0;
  /** Bytes of head and body, without the body's framing. */
  bytesIn: number;
  bytesOut = 0;
  /** Endpoint that must not be picked, since it was lost with this request in its hands. */
  avoid: Endpoint<Transport> | null = null;
  /** Nobody but {@link prefer} can answer it: it waits there, also while that stalls. */
  isBound = false;
  /** It asks the endpoint that has it, and no other's answer will do: it goes nowhere else, also when that is lost. */
  isPinned = false;
  /** Endpoint that it belongs to, or null. */
  prefer: Endpoint<Transport> | null = null;
  /** Hash of what it has in common with those that are to meet the same endpoint; see `NO_KEY`. */
  key: number = NO_KEY;
  /** When it was sent to the endpoint that has it now. Monotonic ms of the thread. */
  sentAtMs = 0;
  /** Reads along in the response; null when there is nothing to be learned from it. */
  watch: SessionWatch | null = null;
  /** The endpoint will close its connection with some of the request unread, and so will be the client's: it is told. */
  endsUnread = false;
  /** Field lines that the response gets, each with its CRLF. */
  addedLines = '';

  /** A body comes with it. */
  readonly #hasContent: boolean;
  #state: ExchangeState = ExchangeState.Waiting;
  #outcome: Outcome = Outcome.None;
  #endpoint: Endpoint<Transport> | null = null;
  #hasBegun = false;
  /** Its endpoint would have told by now, though it need not tell of safe requests. */
  #isNotBegun = false;
  #retries = 0;
  #moves = 0;
  #interims = 0;
  #interimBytes = 0;
  #awaitsUpgrade: boolean;
  /** Declared bytes of the response's body still to come; -1 when not declared. */
  #responseRemaining = -1;
  #responseHasNoBody = false;
  /** The endpoint has sent all it will; what is missing is the end of the request. */
  #responseEnded = false;
  /** Bytes the client has used up and the endpoint has not been told of. */
  #ungranted = 0;

  constructor(client: ExchangeClient, dispatcher: Dispatcher, facts: RequestFacts, nowMs: number) {
    this.client = client;
    this.dispatcher = dispatcher;
    this.connectionId = facts.connectionId;
    this.method = facts.method;
    this.minorVersion = facts.minorVersion;
    this.lines = facts.lines;
    this.targetOffset = facts.targetOffset;
    this.targetLength = facts.targetLength;
    this.wantsUpgrade = facts.wantsUpgrade;
    this.keepAlive = facts.keepAlive;
    this.refusal = facts.refusal;
    this.isConnection = facts.isConnection === true;
    this.startedAtMs = nowMs;
    // With the empty line after the head.
    this.bytesIn = facts.lines.length + 2;
    this.#awaitsUpgrade = facts.wantsUpgrade;
    this.#hasContent = facts.hasBody;
    this.body = facts.hasBody || facts.wantsUpgrade ? new RequestBody(facts.isLarge === true) : null;
  }

  get state(): ExchangeState {
    return this.#state;
  }

  get outcome(): Outcome {
    return this.#outcome;
  }

  get transport(): Transport | null {
    return this.#endpoint === null ? null : this.#endpoint.transport;
  }

  /** An endpoint has it and may be sent more of its body. */
  get isOpened(): boolean {
    return this.#endpoint !== null && this.#state !== ExchangeState.Finished;
  }

  /** Who has it, or had it last; null = nobody yet. */
  get endpoint(): Endpoint<Transport> | null {
    return this.#endpoint;
  }

  get retries(): number {
    return this.#retries;
  }

  get moves(): number {
    return this.#moves;
  }

  /** An endpoint was lost that had perhaps begun it. */
  get isRetried(): boolean {
    return this.#retries > 0;
  }

  get isFinished(): boolean {
    return this.#state === ExchangeState.Finished;
  }

  /** Its endpoint has yet to say whether it takes the connection over. */
  get awaitsUpgrade(): boolean {
    return this.#awaitsUpgrade;
  }

  /** A response has begun, or all of it is there. */
  get isAnswered(): boolean {
    return this.#state >= ExchangeState.Responding;
  }

  get methodName(): string {
    return this.isConnection ? 'TCP' : methodName(this.method);
  }

  /** Of the client, by the word of a trusted proxy where it came through one. */
  get address(): string | undefined {
    const { remoteAddress } = this.client.peer;
    const { addresses } = this.dispatcher;
    return addresses === null ? remoteAddress : addresses.of(remoteAddress, this.lines);
  }

  get target(): string {
    return this.lines.slice(this.targetOffset, this.targetOffset + this.targetLength);
  }

  // From the client.

  /** A piece of the body. See {@link RequestBody.push}. */
  pushBody(view: Buffer, mayKeep: boolean): boolean {
    this.bytesIn += view.length;
    return this.body!.push(this, view, mayKeep);
  }

  /** The body is complete. `trailers`: its trailer lines. */
  endBody(trailers: string): void {
    if (this.#state === ExchangeState.Finished) return;
    this.body!.end(this, trailers);
    this.#completeIfSent();
  }

  /** So many bytes of the response have left for the client. */
  responseFlushed(bytes: number): void {
    if (this.#endpoint === null || this.#state === ExchangeState.Finished) return;
    this.#ungranted += bytes;
    if (this.#ungranted < RESPONSE_GRANT_BYTES) return;
    this.#endpoint.transport.grant(this, this.#ungranted);
    this.#ungranted = 0;
  }

  /** The client's connection has closed. */
  clientLeft(end: ConnectionEnd = 'closed'): void {
    if (this.#state === ExchangeState.Finished) return;
    if (end !== 'reset' && this.#responseEnded && this.body!.hasEnded) {
      // It has all that it asked for, and sent all that it had to: an endpoint that takes its time is to have the rest.
      this.transport!.clientLeft(this);
      setTimeout(() => this.#giveUpRest(), REST_LIMIT_MS).unref();
      return;
    }
    const isCutOff = this.body?.hasEnded === false && this.#state !== ExchangeState.Tunnel;
    this.#endpoint?.transport.abort(this, isCutOff && end === 'closed' ? 'ended' : end);
    this.#finish(Outcome.ClientLeft);
  }

  /** Ends it for a reason of the balancer's or the client's: answers with the outcome if nothing was sent, else cuts. */
  fail(outcome: Outcome): void {
    if (this.#state === ExchangeState.Finished) return;
    this.#abortUpstream();
    this.#answer(outcome);
  }

  // From the dispatcher.

  /** Sends it to this endpoint. */
  open(endpoint: Endpoint<Transport>, nowMs: number): void {
    assert(this.#state === ExchangeState.Waiting, 'an exchange is opened while it waits');
    this.#state = ExchangeState.Opened;
    this.#endpoint = endpoint;
    this.#hasBegun = false;
    this.#isNotBegun = false;
    if (this.openedAtMs === 0) this.openedAtMs = nowMs;
    this.credit = REQUEST_WINDOW_BYTES;
    this.sentAtMs = nowMs;
    endpoint.opened(nowMs);
    endpoint.transport.open(this);
    // The body of a request that asks for an upgrade waits for the worker's answer to that.
    if (this.body !== null && !this.wantsUpgrade) {
      this.body.pump(this);
      if (!this.body.isFull) this.client.resumeBody();
    }
  }

  // From the transport.

  /** Handlers of it may have run. */
  onBegun(): void {
    this.#hasBegun = true;
    this.#isNotBegun = false;
    this.body?.release();
  }

  /** Its beginning has not been told. @param isCertain whether it would have been: no handler of it has run up to now */
  onNotBegun(isCertain: boolean): void {
    if (!this.#hasBegun) this.#isNotBegun = isCertain;
  }

  /** The endpoint takes `bytes` more of the body. */
  onWindow(bytes: number): void {
    this.credit += bytes;
    this.onRoom();
  }

  /** The transport takes more of the body, if it has credit. */
  onRoom(): void {
    const body = this.body;
    if (body === null) return;
    const wasFull = body.isFull;
    body.pump(this);
    if (wasFull && !body.isFull) this.client.resumeBody();
    this.#completeIfSent();
  }

  /** A 1xx head. */
  onInterim(bytes: Buffer, start: number, end: number): void {
    const headEnd = this.#takesHead ? RESPONSE_HEAD.parse(bytes, start, end) : BAD_RESPONSE;
    this.#interimBytes += end - start;
    if (headEnd !== end || !this.#mayPass(RESPONSE_HEAD.status)) {
      this.fail(Outcome.EndpointBadResponse);
      return;
    }
    this.onBegun();
    // RFC 9110 section 15.2: an HTTP/1.0 client is never sent a 1xx.
    if (this.minorVersion > 0) this.client.respondInterim(bytes, start, end);
  }

  /** The response's head and what of the body came with it. */
  onHead(bytes: Buffer, start: number, end: number, isLast: boolean): void {
    const headEnd = this.#takesHead ? RESPONSE_HEAD.parse(bytes, start, end) : BAD_RESPONSE;
    if (headEnd <= 0) this.fail(Outcome.EndpointBadResponse);
    else this.onReadHead(bytes, start, headEnd, end, isLast);
  }

  /** The same, of a head that the transport has read itself: {@link RESPONSE_HEAD} describes it. */
  onReadHead(bytes: Buffer, start: number, headEnd: number, end: number, isLast: boolean): void {
    if (!this.#takesHead || !this.#framingHolds(end - headEnd, isLast)) {
      this.fail(Outcome.EndpointBadResponse);
      return;
    }
    this.onBegun();
    if (this.dispatcher.needsLatency) this.dispatcher.answered(this, this.#endpoint!, RESPONSE_HEAD.status < 500);
    this.#state = ExchangeState.Responding;
    this.status = RESPONSE_HEAD.status;
    this.respondedAtMs = this.dispatcher.nowMs;
    this.bytesOut += end - start;
    if (this.watch !== null) this.#watch(bytes, headEnd, end);
    const { reporter } = this.dispatcher;
    if (reporter !== null) this.addedLines += reporter.lineFor(this);
    if (this.addedLines === '') this.client.respond(bytes, start, headEnd, end, isLast);
    else this.#respondWithLines(bytes, start, headEnd, end, isLast);
    if (isLast) this.#responseComplete();
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    this.bytesOut += end - start;
    if (this.#state === ExchangeState.Tunnel) {
      this.client.respondBody(bytes, start, end);
      return;
    }
    if (this.#state !== ExchangeState.Responding || (this.#responseHasNoBody && end > start)) {
      this.fail(Outcome.EndpointBadResponse);
      return;
    }
    if (this.#responseRemaining >= 0) {
      this.#responseRemaining -= end - start;
      if (this.#responseRemaining < 0) {
        this.fail(Outcome.EndpointBadResponse);
        return;
      }
    }
    if (this.watch !== null) this.#watch(bytes, start, end);
    this.client.respondBody(bytes, start, end);
  }

  onEnd(trailers: string): void {
    if (this.#state === ExchangeState.Tunnel) {
      this.#responseEnded = true;
      this.client.respondEnd('');
      this.#completeIfSent();
      return;
    }
    if (
      this.#state !== ExchangeState.Responding ||
      // RFC 9112 section 8: a body shorter than declared is incomplete, and must be seen to be.
      this.#responseRemaining > 0 ||
      (trailers !== '' && !areTrailers(trailers))
    ) {
      this.fail(Outcome.EndpointBadResponse);
      return;
    }
    this.client.respondEnd(trailers);
    this.#responseComplete();
  }

  /** The app destroyed the connection: so is the client's, as it would be without us. `isReset`: with a reset. */
  onAborted(isReset: boolean = false): void {
    if (this.#state === ExchangeState.Finished) return;
    if (this.isConnection && this.#isDeclined()) {
      const endpoint = this.#endpoint!;
      endpoint.transport.finished(this);
      this.#goElsewhere(endpoint, Outcome.None, this.dispatcher.clock.nowMs);
      return;
    }
    this.client.cut(Outcome.EndpointAborted, isReset);
    this.#finish(Outcome.EndpointAborted);
  }

  /** The endpoint would not have this connection, its server being full or just closed, and another may. */
  #isDeclined(): boolean {
    if (this.#state !== ExchangeState.Opened || this.#hasBegun || this.#moves >= MAX_MOVES) return false;
    if (!this.hasFreeAlternative) return false;
    this.#moves++;
    this.dispatcher.countMove();
    return true;
  }

  onTunnel(): void {
    if (this.#state !== ExchangeState.Opened || !this.#awaitsUpgrade) {
      this.fail(Outcome.EndpointBadResponse);
      return;
    }
    this.#awaitsUpgrade = false;
    this.onBegun();
    this.#state = ExchangeState.Tunnel;
    this.status = this.refusal !== null ? 400 : this.method === Method.Connect ? 200 : 101;
    this.respondedAtMs = this.dispatcher.nowMs;
    this.#endpoint!.tunnelOpened();
    this.client.openTunnel();
    this.#endpoint!.tellRoom();
  }

  /** The endpoint takes it as an ordinary request; its response may have come before. */
  onPlain(): void {
    if (this.#state === ExchangeState.Tunnel || !this.#awaitsUpgrade || !this.#isRequest) {
      this.fail(Outcome.EndpointBadResponse);
      return;
    }
    this.#awaitsUpgrade = false;
    this.client.declineTunnel();
    if (this.isFinished) return;
    // A request as any other from now on, also where another endpoint gets it.
    this.wantsUpgrade = false;
    if (!this.#hasContent && !this.#responseEnded) this.body = null;
  }

  /** It may be taken back from an endpoint that does not answer: surely not begun, and still whole. */
  get isUnbegun(): boolean {
    if (this.#state !== ExchangeState.Opened || this.#hasBegun || this.refusal !== null) return false;
    if (this.isBound || this.isPinned) return false;
    return !this.#isPerhapsBegun && (this.body === null || this.body.isWhole) && this.#moves < MAX_MOVES;
  }

  /** Its endpoint may be at work on it, and has not answered: if that ends, this may be why. */
  get isSuspect(): boolean {
    if (this.#state !== ExchangeState.Opened || this.refusal !== null || this.isConnection) return false;
    return this.#hasBegun || this.#isPerhapsBegun;
  }

  /** It may be run a second time elsewhere while its endpoint does not answer: begun or not, that does no harm. */
  get isHedgeable(): boolean {
    return this.#state === ExchangeState.Opened && this.#isPerhapsBegun && !this.isBound && !this.isPinned;
  }

  /** Whether anybody but its endpoint could take it, or there is room to wait. */
  get hasAlternative(): boolean {
    return this.#endpoint !== null && this.dispatcher.hasAlternative(this.#endpoint);
  }

  /** Whether anybody but its endpoint could begin it now. */
  get hasFreeAlternative(): boolean {
    return this.#endpoint !== null && this.dispatcher.isFreeBeside(this.#endpoint);
  }

  /** Its endpoint does not answer, and will not run it: another does. */
  takeBack(nowMs: number): void {
    assert(this.isUnbegun, 'only what was not begun is taken back');
    this.#moves++;
    this.dispatcher.countMove();
    this.#abortUpstream();
    // While it is stalled it is not picked anyway; when it answers again it is as good as any.
    this.#goElsewhere(null, Outcome.None, nowMs);
  }

  /** Its endpoint does not answer, and it is run elsewhere as well, once. Nothing happens where the budget does not allow it. */
  hedge(nowMs: number): void {
    assert(this.isHedgeable, 'only safe requests are hedged');
    if (!this.dispatcher.allowsRetry(nowMs)) return;
    this.#retries++;
    this.#abortUpstream();
    this.#goElsewhere(null, Outcome.None, nowMs);
  }

  /** The endpoint is gone, and nothing of it is still to be read. */
  onEndpointLost(nowMs: number): void {
    if (this.#state === ExchangeState.Finished) return;
    const endpoint = this.#endpoint!;
    // All that was declared has come, and only the word that this was all has not.
    if (this.#state === ExchangeState.Responding && this.#responseRemaining === 0) this.onEnd('');
    if (this.isFinished) return;
    if (this.#state === ExchangeState.Responded) {
      this.#finish(Outcome.Completed);
      return;
    }
    if (this.#state !== ExchangeState.Opened || !this.#mayRunElsewhere(nowMs)) {
      this.#answer(Outcome.EndpointReset);
      return;
    }
    this.#goElsewhere(endpoint, Outcome.EndpointReset, nowMs);
  }

  /**
   * The connection that carried it is gone, or could not be made; the endpoint may be there all the same. What was not
   * sent may go to any other; what was sent, and perhaps begun, is run once more under the rules of {@link #mayRunAgain}.
   */
  onConnectionLost(outcome: Outcome, wasSent: boolean, nowMs: number): void {
    if (this.#state === ExchangeState.Finished) return;
    if (this.#state === ExchangeState.Responded) {
      this.#finish(Outcome.Completed);
      return;
    }
    const endpoint = this.#endpoint!;
    const { eligible } = this.dispatcher.pool;
    const isOnlyChoice = eligible.length === 1 && eligible[0] === endpoint;
    if (
      this.#state !== ExchangeState.Opened ||
      isOnlyChoice ||
      this.isPinned ||
      !(wasSent ? this.#mayRunAgain(nowMs) : this.#mayMove())
    ) {
      this.#answer(outcome);
      return;
    }
    // With nobody to go to it waits, and then this endpoint is as good as any.
    this.#goElsewhere(eligible.length === 0 ? null : endpoint, outcome, nowMs);
  }

  /** May be sent once more by the same transport, over another connection: what has to be sent is all still here. */
  get isRepeatable(): boolean {
    return this.#state === ExchangeState.Opened && !this.#hasBegun && (this.body === null || this.body.isWhole);
  }

  /** Safe, without a body, and not run before: an endpoint need not tell that it begins such a request. */
  get #isPerhapsBegun(): boolean {
    return isSafe(this.method) && this.body === null && this.#retries === 0 && !this.#isNotBegun;
  }

  /**
   * Not begun: moved, whatever its method, if its body is still here. Begun, or perhaps begun: run once more if its
   * method is safe (RFC 9110 section 9.2.1), it has no body, and the budget allows. A transport tells of the beginning
   * of unsafe requests and of retried ones before it happens; of others it need not.
   */
  #mayRunElsewhere(nowMs: number): boolean {
    if (this.isPinned) return false;
    if (isSafe(this.method) && this.body === null && (this.#isPerhapsBegun || this.#hasBegun)) {
      return this.#mayRunAgain(nowMs);
    }
    return !this.#hasBegun && this.#mayMove();
  }

  /** Begun, or perhaps begun. Takes the retry out of the budget. */
  #mayRunAgain(nowMs: number): boolean {
    if (!isSafe(this.method) || this.body !== null) return false;
    if (this.#retries >= 1 || !this.dispatcher.allowsRetry(nowMs)) return false;
    this.#retries++;
    return true;
  }

  /** Not begun. Counts the move. */
  #mayMove(): boolean {
    if (this.body !== null && !this.body.isWhole) return false;
    if (this.#moves >= MAX_MOVES) return false;
    this.#moves++;
    this.dispatcher.countMove();
    return true;
  }

  /** Takes it back from an endpoint, for which it ended like this. @param avoid must not be picked next, or null */
  #goElsewhere(avoid: Endpoint<Transport> | null, outcome: Outcome, nowMs: number): void {
    const endpoint = this.#endpoint!;
    if (this.dispatcher.needsLatency) this.dispatcher.answered(this, endpoint, false);
    endpoint.closed(outcome, 0, nowMs);
    endpoint.transport.moved();
    this.#endpoint = null;
    this.#ungranted = 0;
    this.#awaitsUpgrade = this.wantsUpgrade;
    this.#state = ExchangeState.Waiting;
    this.avoid = avoid;
    this.body?.rewind();
    this.dispatcher.dispatch(this, nowMs);
    endpoint.tellRoom();
  }

  /** A head may come now. */
  get #takesHead(): boolean {
    return this.#state === ExchangeState.Opened && this.#isRequest;
  }

  /** What is not one is answered in bytes only. */
  get #isRequest(): boolean {
    return this.refusal === null && !this.isConnection;
  }

  /** Whether a 1xx head of this status, just parsed, may go to the client. 101 is not one: it opens a tunnel. */
  #mayPass(status: number): boolean {
    // RFC 9112 section 6.1, RFC 9110 section 8.6: it has no body, and no field that would announce one.
    const isBare = RESPONSE_HEAD.framing === Framing.UntilClose;
    const isBounded = ++this.#interims <= MAX_INTERIMS && this.#interimBytes <= MAX_INTERIM_BYTES;
    return status < 200 && status !== 101 && isBare && isBounded;
  }

  /** RFC 9112 section 6.3: which body this head announces, and whether what came fits it. */
  #framingHolds(bodyBytes: number, isLast: boolean): boolean {
    const status = RESPONSE_HEAD.status;
    if (status < 200) return false;
    // Its client cannot read codings (RFC 9112 section 6.1). Chunks are taken off for it; nothing else can be.
    if (this.minorVersion === 0 && RESPONSE_HEAD.hasOtherCodings) return false;
    this.#responseHasNoBody = this.method === Method.Head || status === 204 || status === 304;
    if (this.#responseHasNoBody) return bodyBytes === 0;
    if (RESPONSE_HEAD.framing !== Framing.Length) return true;
    this.#responseRemaining = RESPONSE_HEAD.contentLength - bodyBytes;
    return isLast ? this.#responseRemaining === 0 : this.#responseRemaining >= 0;
  }

  /** The head gets the lines before its empty one. The bytes are ours then, and describe what the client gets. */
  #respondWithLines(bytes: Buffer, start: number, headEnd: number, end: number, isLast: boolean): void {
    const head = Buffer.from(`${bytes.latin1Slice(start, headEnd - 2)}${this.addedLines}\r\n`, 'latin1');
    const whole = Buffer.concat([head, bytes.subarray(headEnd, end)]);
    this.client.respond(whole, 0, head.length, whole.length, isLast);
  }

  #watch(bytes: Buffer, from: number, to: number): void {
    if (!this.watch!.see(this.#endpoint!, bytes, from, to)) this.watch = null;
  }

  #responseComplete(): void {
    if (this.body === null || this.body.isSent) {
      this.#finish(Outcome.Completed);
    } else if (this.client.keepsAlive || this.endsUnread) {
      // As with Node, the rest of the body still goes to the app, which may read it or not.
      this.#state = ExchangeState.Responded;
      this.#responseEnded = true;
    } else {
      this.#abortUpstream();
      this.#finish(Outcome.Completed);
    }
  }

  /** The response is, and all of the request as well. */
  #completeIfSent(): void {
    if (this.#responseEnded && this.body!.isSent && !this.isFinished) this.#finish(Outcome.Completed);
  }

  #giveUpRest(): void {
    if (this.isFinished) return;
    this.#abortUpstream();
    this.#finish(Outcome.Completed);
  }

  #abortUpstream(): void {
    this.#endpoint?.transport.abort(this, 'closed');
  }

  #answer(outcome: Outcome): void {
    const { status } = factsOf(outcome);
    if (this.isAnswered || status === 0) {
      this.client.cut(outcome);
    } else {
      this.status = status;
      this.client.respondError(outcome);
    }
    this.#finish(outcome);
  }

  #finish(outcome: Outcome): void {
    assert(this.#state !== ExchangeState.Finished, 'an exchange finishes once');
    if (this.#state === ExchangeState.Opened && this.dispatcher.needsLatency) {
      this.dispatcher.answered(this, this.#endpoint!, false);
    }
    if (this.#state === ExchangeState.Tunnel) this.#endpoint!.tunnelEnded();
    this.#state = ExchangeState.Finished;
    this.#outcome = outcome;
    if (this.#endpoint !== null) {
      this.#endpoint.closed(outcome, this.status, this.dispatcher.nowMs);
      this.#endpoint.transport.finished(this);
    }
    // Its own pool pulls from its queue when it hears that this is over; others are to have their turn.
    if (this.#endpoint?.isShared) this.#endpoint.tellRoom();
    this.dispatcher.finished(this);
    this.body?.drop();
    this.#endpoint?.tellRoom();
    this.client.exchangeDone();
  }
}
