/** Why a client connection's deadline was set. */
export const Phase = {
  None: 0,
  /** Between two requests. */
  KeepAlive: 1,
  /** Within a head. */
  Head: 2,
  /** Within a body. */
  Body: 3,
  /** The request is complete, its response has not begun. */
  Response: 4,
  /** Something was written that the client has not taken. */
  Write: 5,
  /** The client has finished sending, or this process is about to. */
  Left: 6,
  /** Our last answer is out. */
  Linger: 7,
  /** The app answers a malformed request itself. */
  Refusal: 8,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** How often it is looked whether a client takes what is written to it, where something depends on that. */
export const DELIVERY_CHECK_MS = 1_000;

/** Longest silence of a client that has yet to read our last answer and close (RFC 9112 section 9.6). */
export const LINGER_MS = 2_000;

/** One that goes on sending, an upload that was refused, is read from for so long in all. */
export const LINGER_LIMIT_MS = 30_000;

/**
 * After the client's FIN, a response still has so long. Node itself ends at once; a client that only shut down its
 * sending side gets prompt answers, and the app of one that has really gone is told about as soon.
 */
export const HALF_CLOSED_GRACE_MS = 100;

/**
 * The same behind CONNECT or a request for an upgrade, whose client may well have nothing more to say; where the endpoint
 * has no time-out of its own, or has taken the connection over and says nothing. Node leaves such a connection open for as
 * long as the app does.
 */
export const HALF_CLOSED_UPGRADE_MS = 30_000;

/** Longest wait for an app that answers a malformed request itself. */
export const APP_REFUSAL_MS = 5_000;

/** On shutdown a connection that has not brought a request yet gets so long to do so. */
export const FIRST_REQUEST_GRACE_MS = 250;

/** One that was answered within that time is in use: it gets as long again to bring its last. */
export const IN_USE_MS = 1_000;
