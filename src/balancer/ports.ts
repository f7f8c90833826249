import type { ClientContext } from '../clients/client-context.ts';
import type { Listener } from '../clients/listener.ts';
import type { Dispatcher } from '../exchange/dispatcher.ts';
import type { ListenAnswer } from '../link/frames.ts';
import type { LinkTransport } from '../transports/link-transport.ts';

/** One address that the app listens on: its pool, its context, and who listens there. */
export interface Port {
  readonly key: string;
  readonly dispatcher: Dispatcher;
  readonly context: ClientContext;
  readonly listener: Listener;
  /** The outcome of opening it. */
  readonly opened: Promise<ListenAnswer>;
  /** Workers that listen here, with the number that each gave the listener. */
  readonly workers: Map<LinkTransport, number>;
}
