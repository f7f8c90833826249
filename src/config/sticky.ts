/** What requests that are to stay together have in common. */
export type KeySource =
  /** The client's address. */
  | { readonly from: 'address' }
  /** `name` in lower case. */
  | { readonly from: 'header'; readonly name: string }
  | { readonly from: 'cookie'; readonly name: string }
  /** A parameter of the target's query. */
  | { readonly from: 'query'; readonly name: string };

/** A cookie that names the endpoint. */
export interface StickyCookie {
  readonly name: string;
  /** How long browsers keep it. null = until they are closed. */
  readonly maxAgeSeconds: number | null;
  readonly path: string;
  /** null = the host that set it, only. */
  readonly domain: string | null;
  readonly sameSite: 'Lax' | 'Strict' | 'None';
  /** Sent over TLS only. 'auto': where it was set over TLS. */
  readonly secure: boolean | 'auto';
  /** What it is signed with. null = a secret of the supervisor's own, which ends with it. */
  readonly secret: string | null;
}

/** How requests of one client stay with one endpoint. Frozen. */
export interface Sticky {
  /** Ids of Engine.IO sessions, which is what Socket.IO runs on, are learned from the answers that hand them out. */
  readonly learnsSessions: boolean;
  readonly cookie: StickyCookie | null;
  /** Requests of one key go to one endpoint, whatever the policy. */
  readonly hash: KeySource | null;
}

export const STICKY_COOKIE: StickyCookie = Object.freeze({
  name: 'evener',
  maxAgeSeconds: null,
  path: '/',
  domain: null,
  sameSite: 'Lax',
  secure: 'auto',
  secret: null,
});

/** The default: sessions of Socket.IO stick, nothing else does. */
export const STICKY_AUTO: Sticky = Object.freeze({ learnsSessions: true, cookie: null, hash: null });

export const STICKY_OFF: Sticky = Object.freeze({ learnsSessions: false, cookie: null, hash: null });
