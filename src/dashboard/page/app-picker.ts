import type { AppStatus } from './api-types.ts';
import { byId, element, setAttribute, setText } from './dom.ts';
import { rateText } from './format.ts';

/** Which app is looked at, where there are several. Each says by itself how it fares, so that none is forgotten. */
export class AppPicker {
  readonly #fieldset = byId('apps');
  readonly #choices = new Map<string, { root: HTMLElement; input: HTMLInputElement; note: HTMLElement }>();
  readonly #onChange: () => void;
  #chosen: string | null = null;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** @returns the one that is looked at; null where there is none */
  draw(apps: readonly AppStatus[]): AppStatus | null {
    const chosen = apps.find(({ name }) => name === this.#chosen) ?? apps[0] ?? null;
    this.#chosen = chosen?.name ?? null;
    this.#fieldset.hidden = apps.length < 2;
    for (const [name, { root }] of this.#choices) {
      if (apps.some((app) => app.name === name)) continue;
      root.remove();
      this.#choices.delete(name);
    }
    for (const app of apps) this.#drawChoice(app);
    return chosen;
  }

  #drawChoice({ name, recent, workers }: AppStatus): void {
    const { root, input, note } = this.#choices.get(name) ?? this.#add(name);
    input.checked = name === this.#chosen;
    const isShort = workers.ready < workers.wanted;
    setAttribute(root, 'data-bad', isShort);
    setText(note, isShort ? `${workers.ready} of ${workers.wanted} ready` : `${rateText(recent.requestsPerSecond)}/s`);
  }

  #add(name: string): { root: HTMLElement; input: HTMLInputElement; note: HTMLElement } {
    const input = element('input', { type: 'radio', name: 'app', class: 'unseen' });
    input.addEventListener('change', () => {
      this.#chosen = name;
      this.#onChange();
    });
    const note = element('span', { class: 'quiet' });
    const root = element('label', { class: 'choice' }, input, element('span', {}, name), ' ', note);
    this.#fieldset.append(root);
    const choice = { root, input, note };
    this.#choices.set(name, choice);
    return choice;
  }
}
