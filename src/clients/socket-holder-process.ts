/**
 * Keeps listening sockets open for a process that accepts nothing for a while: see `socket-holder.ts`. It never accepts
 * itself, and ends when its parent has closed the channel or is gone.
 */
import type { HolderAnswer, HolderQuestion } from './socket-holder.ts';

/** A listening socket as a bare handle, on which nothing waits for connections. */
interface BareHandle {
  close(): void;
}

// The terminal, or a service manager, tells the parent.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => {});

const held = new Map<number, BareHandle>();

process.on('message', ({ act, id, question }: HolderQuestion, handle: BareHandle | undefined) => {
  switch (act) {
    case 'keep':
      // No descriptor may have been left for it.
      if (handle === undefined) return;
      held.get(id)?.close();
      held.set(id, handle);
      answer({ kept: id });
      return;
    case 'give-back':
      // A handle for which the other side has no descriptor does not arrive; what follows it does.
      answer({ given: question }, held.get(id));
      answer({ done: question });
      return;
    case 'drop':
      held.get(id)?.close();
      held.delete(id);
      answer({ done: question });
      return;
  }
});
process.on('disconnect', () => process.exit());

function answer(message: HolderAnswer, handle?: BareHandle): void {
  // When it fails the parent is gone, and so are we.
  process.send!(message, handle as never, {}, () => {});
}
