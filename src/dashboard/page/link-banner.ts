import type { ApiFailure } from './api.ts';
import { byId, setAttribute, setText } from './dom.ts';
import { durationText } from './format.ts';

type LinkState = 'connecting' | 'live' | 'lost' | 'locked';

const NAMES: Readonly<Record<LinkState, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Not connected',
  locked: 'Locked',
};

export interface LinkBannerHost {
  retry(): void;
  unlock(): void;
}

/** Says how the page hears from Evener, and when it does not, how old is what it shows. */
export class LinkBanner {
  readonly #banner = byId('banner');
  readonly #text = byId('banner-text');
  readonly #age = byId('banner-age');
  readonly #button = byId<HTMLButtonElement>('banner-button');
  #state: LinkState = 'connecting';
  #heardAtMs: number | null = null;
  #retryAtMs = 0;

  constructor({ retry, unlock }: LinkBannerHost) {
    this.#button.addEventListener('click', () => (this.#state === 'locked' ? unlock() : retry()));
    setInterval(() => this.#tick(), 1000);
  }

  live(): void {
    this.#heardAtMs = performance.now();
    if (this.#state === 'live') return;
    this.#enter('live');
    this.#banner.hidden = true;
    setText(this.#text, '');
  }

  /** @param wasStopping it had said that it would end */
  lost(failure: ApiFailure, retryAtMs: number, wasStopping: boolean): void {
    this.#retryAtMs = retryAtMs;
    const text = wasStopping ? 'Evener has stopped.' : `Connection lost: ${failure.message}.`;
    this.#show('lost', text, 'Try now');
  }

  locked(failure: ApiFailure): void {
    this.#show('locked', `Locked: ${failure.message}.`, 'Enter the token');
  }

  #show(state: LinkState, text: string, act: string): void {
    this.#enter(state);
    // Read out once, not with each attempt: the text is written only when it is another one.
    setText(this.#text, text);
    setText(this.#button, act);
    this.#banner.hidden = false;
    this.#tick();
  }

  #enter(state: LinkState): void {
    this.#state = state;
    setAttribute(document.body, 'data-link', state);
    setText(byId('link-state'), NAMES[state]);
  }

  #tick(): void {
    if (this.#state !== 'lost') {
      setText(this.#age, '');
      return;
    }
    const now = performance.now();
    const age =
      this.#heardAtMs === null ? '' : `What is shown is ${durationText((now - this.#heardAtMs) / 1000)} old. `;
    const wait = Math.ceil((this.#retryAtMs - now) / 1000);
    setText(this.#age, `${age}${wait > 0 ? `Next attempt in ${wait} s.` : 'Trying…'}`);
  }
}
