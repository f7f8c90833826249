import { setImmediate } from '../core/timers.ts';

/** What holds something back until it is told to send it. */
export interface Flushable {
  flush(): void;
}

/**
 * Decides when batches leave. Under load everything of one turn of the event loop waits for the turn's end
 * (`setImmediate`, right after the poll phase that brought it). While messages come one at a time there is nothing to
 * batch, and each leaves at once.
 *
 * An end that handles messages in microseconds may gather further: it looks again, without sleeping, for as long as each
 * look brings more, since what a batch costs at both ends (system calls, and a process that is woken) is more than what a
 * message does. See docs/decisions/2026-11-29-gather-until-quiet.md.
 */
export class FlushTurn {
  readonly #gatherMessages: number;
  readonly #dirty: Flushable[] = [];
  #armed = false;
  #messages = 0;
  #messagesAtLastLook = 0;
  #messagesLastTurn = 0;

  /** @param gatherMessages looks for more until it has so many messages; 0: what one turn brings leaves with it */
  constructor(gatherMessages: number = 0) {
    this.#gatherMessages = gatherMessages;
  }

  /** A writer has something to send. */
  wake(writer: Flushable): void {
    this.#dirty.push(writer);
    this.#arm();
  }

  /** A message is complete: send it now if it is likely to stay the only one of this turn. */
  messageComplete(): void {
    this.#messages++;
    if (this.#messages === 1 && this.#messagesLastTurn <= 1) this.#flush();
    this.#arm();
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#armed = false;
    if (this.#isGathering()) {
      this.#messagesAtLastLook = this.#messages;
      this.#arm();
      return;
    }
    this.#messagesLastTurn = this.#messages;
    this.#messages = 0;
    this.#messagesAtLastLook = 0;
    this.#flush();
  };

  /** The last look brought more, so the next may. While an immediate is due the event loop polls without sleeping. */
  #isGathering(): boolean {
    const messages = this.#messages;
    return messages > 1 && messages > this.#messagesAtLastLook && messages < this.#gatherMessages;
  }

  #flush(): void {
    for (let i = 0; i < this.#dirty.length; i++) this.#dirty[i]!.flush();
    this.#dirty.length = 0;
  }
}
