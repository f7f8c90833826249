import type { RecordedEvent } from './api-types.ts';
import { byId, element } from './dom.ts';
import { eventText } from './event-text.ts';
import type { Fields } from './fields.ts';
import { clockText } from './format.ts';

const SHOWN = 100;

/** What happened of late, the newest first. */
export class Activity {
  readonly #list = byId('activity-list');

  constructor() {
    // What scrolls can be reached without a mouse.
    this.#list.tabIndex = 0;
  }

  add({ time, event }: RecordedEvent): void {
    const line = element(
      'li',
      {},
      element('time', { class: 'quiet', datetime: time }, clockText(time)),
      ' ',
      element('span', {}, eventText(event as unknown as Fields)),
    );
    this.#list.prepend(line);
    while (this.#list.childElementCount > SHOWN) this.#list.lastElementChild!.remove();
  }

  clear(): void {
    this.#list.replaceChildren();
  }
}
