import { setImmediate } from '../core/timers.ts';
import type { FrameWriter } from './frame-writer.ts';

/**
 * Decides when batches leave. Under load everything of one turn of the event loop waits for the turn's end
 * (`setImmediate`, right after the poll phase that brought it). While messages come one at a time there is nothing to
 * batch, and each leaves at once.
 */
export class FlushTurn {
  readonly #dirty: FrameWriter[] = [];
  #armed = false;
  #messages = 0;
  #messagesLastTurn = 0;

  /** A writer has something to send. */
  wake(writer: FrameWriter): void {
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
    this.#messagesLastTurn = this.#messages;
    this.#messages = 0;
    this.#flush();
  };

  #flush(): void {
    for (let i = 0; i < this.#dirty.length; i++) this.#dirty[i]!.flush();
    this.#dirty.length = 0;
  }
}
