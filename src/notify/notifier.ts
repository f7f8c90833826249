import type { Notice } from './notice.ts';

/** What became of one try. */
export type Delivery =
  | { readonly result: 'delivered' }
  /** It may do later. */
  | { readonly result: 'failed'; readonly reason: string; readonly retryAfterMs: number | null }
  /** The receiver does not want it, now or later. */
  | { readonly result: 'refused'; readonly reason: string };

/** Passes notices on to one receiver. It need not be quick, and may fail: whoever calls it waits for nothing. */
export interface Notifier {
  /** For people. Of the receiver's address only the host: the rest is a secret. */
  readonly label: string;
  /** How often to say again that an incident lasts; null = never. ms */
  readonly repeatMs: number | null;
  /** One try. Does not throw. @param signal ends it */
  deliver(notice: Notice, signal: AbortSignal): Promise<Delivery>;
}

/** An HTTP request that carries a notice. */
export interface NoticeRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
