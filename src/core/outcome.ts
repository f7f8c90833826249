/**
 * How an exchange ended. One number per ending travels through the balancer; this table says all that follows from it:
 * the answer, who caused it, whether it may be tried again, the letter in the access log, the label in the metrics.
 */

export const Outcome = {
  /** Still under way. */
  None: 0,
  Completed: 1,
  ClientBadRequest: 2,
  ClientMethodUnknown: 3,
  ClientVersionUnknown: 4,
  ClientTargetTooLong: 5,
  ClientHeadTooLarge: 6,
  ClientCodingUnknown: 7,
  ClientHeadTimeout: 8,
  ClientBodyTimeout: 9,
  ClientBadBody: 10,
  ClientBodyTooLarge: 11,
  ClientLeft: 12,
  ClientReadTimeout: 13,
  QueueFull: 14,
  QueueTimeout: 15,
  NoWorker: 16,
  EndpointReset: 17,
  EndpointBadResponse: 18,
  EndpointHeadTimeout: 19,
  EndpointAborted: 20,
  NoRoute: 21,
  EndpointConnectFailed: 22,
  EndpointConnectTimeout: 23,
  EndpointSilent: 24,
  Quarantined: 25,
  TooManyConnections: 26,
  NoDescriptor: 27,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Who the ending is to be laid to. */
export type Side = 'none' | 'client' | 'balancer' | 'endpoint';

/** When the request may be run again: see `Exchange.onEndpointLost` and `Exchange.onConnectionLost`. */
export type RetryRule = 'never' | 'if-not-begun-or-safe' | 'any-method';

export interface OutcomeFacts {
  /** Stable; part of the API. */
  readonly code: string;
  /** Status of the answer where none has been sent yet; 0 = the connection is closed without one. */
  readonly status: number;
  readonly side: Side;
  readonly retry: RetryRule;
  /** One letter for the access log. */
  readonly flag: string;
  readonly meaning: string;
}

/** By {@link Outcome} number. */
export const OUTCOMES: readonly OutcomeFacts[] = [
  row('EVENER_UNFINISHED', 0, 'none', 'never', '.', 'still under way'),
  row('EVENER_COMPLETED', 0, 'none', 'never', '-', 'the whole response was handed to the client'),
  row('EVENER_CLIENT_BAD_REQUEST', 400, 'client', 'never', 'B', 'the request head breaks RFC 9112'),
  row('EVENER_CLIENT_METHOD_UNKNOWN', 501, 'client', 'never', 'M', 'a method that Node does not know'),
  row('EVENER_CLIENT_VERSION_UNKNOWN', 505, 'client', 'never', 'V', 'a version other than HTTP/1.0 and HTTP/1.1'),
  row('EVENER_CLIENT_TARGET_TOO_LONG', 414, 'client', 'never', 'U', 'the request line is longer than the head may be'),
  row(
    'EVENER_CLIENT_HEAD_TOO_LARGE',
    431,
    'client',
    'never',
    'H',
    'the head is larger, or has more fields, than allowed',
  ),
  row('EVENER_CLIENT_CODING_UNKNOWN', 501, 'client', 'never', 'E', 'a transfer coding other than chunked'),
  row('EVENER_CLIENT_HEAD_TIMEOUT', 408, 'client', 'never', 'h', 'the head did not arrive in time'),
  row('EVENER_CLIENT_BODY_TIMEOUT', 408, 'client', 'never', 'b', 'the body did not arrive in time'),
  row('EVENER_CLIENT_BAD_BODY', 400, 'client', 'never', 'C', 'the chunked body breaks RFC 9112 section 7.1'),
  row('EVENER_CLIENT_BODY_TOO_LARGE', 413, 'client', 'never', 'L', 'chunk framing or trailers are larger than allowed'),
  row('EVENER_CLIENT_LEFT', 0, 'client', 'never', 'c', 'the client went away'),
  row('EVENER_CLIENT_READ_TIMEOUT', 0, 'client', 'never', 'r', 'the client stopped reading the response'),
  row('EVENER_QUEUE_FULL', 503, 'balancer', 'never', 'Q', 'no worker or server could take it and the queue was full'),
  row('EVENER_QUEUE_TIMEOUT', 503, 'balancer', 'never', 'q', 'no worker or server could take it in time'),
  row('EVENER_NO_WORKER', 503, 'balancer', 'never', 'N', 'no worker or server is up and none is expected soon'),
  row(
    'EVENER_ENDPOINT_RESET',
    502,
    'endpoint',
    'if-not-begun-or-safe',
    'R',
    'the worker or server was lost before it had answered',
  ),
  row('EVENER_ENDPOINT_BAD_RESPONSE', 502, 'endpoint', 'never', 'P', 'the response breaks RFC 9112'),
  row('EVENER_ENDPOINT_HEAD_TIMEOUT', 504, 'endpoint', 'never', 'T', 'no response head in time'),
  row('EVENER_ENDPOINT_ABORTED', 0, 'endpoint', 'never', 'A', 'the app or server cut the connection'),
  row('EVENER_NO_ROUTE', 404, 'client', 'never', 'O', 'no app has a route for this host and path'),
  row(
    'EVENER_ENDPOINT_CONNECT_FAILED',
    502,
    'endpoint',
    'any-method',
    'F',
    'no connection to the server could be made',
  ),
  row('EVENER_ENDPOINT_CONNECT_TIMEOUT', 504, 'endpoint', 'any-method', 't', 'no connection to the server in time'),
  row('EVENER_ENDPOINT_SILENT', 504, 'endpoint', 'never', 'S', 'the server stopped in the middle of its response'),
  row('EVENER_QUARANTINED', 503, 'balancer', 'never', 'X', 'two workers died or hung with this request in their hands'),
  row('EVENER_TOO_MANY_CONNECTIONS', 503, 'balancer', 'never', 'K', 'there is no room for another connection'),
  row('EVENER_NO_DESCRIPTOR', 503, 'balancer', 'never', 'D', 'no descriptor was left for a connection to the server'),
];

export function factsOf(outcome: Outcome): OutcomeFacts {
  return OUTCOMES[outcome]!;
}

function row(code: string, status: number, side: Side, retry: RetryRule, flag: string, meaning: string): OutcomeFacts {
  return Object.freeze({ code, status, side, retry, flag, meaning });
}
