import { byId, element } from './dom.ts';
import { output } from './evidence.ts';

const SHOWN_MS = 6_000;

/** What became of what the reader asked for. Good news goes by itself, bad news waits to be closed. */
export class Notices {
  readonly #region = byId('notices');

  tell(text: string): void {
    const notice = element('div', { class: 'notice' }, element('p', {}, text));
    this.#region.append(notice);
    setTimeout(() => notice.remove(), SHOWN_MS);
  }

  /** @param lines what a worker wrote that did not come up */
  fail(text: string, lines: readonly string[] = []): void {
    const close = element('button', { type: 'button', class: 'quiet-button' }, 'Close');
    const evidence = lines.length === 0 ? [] : [output(lines.join('\n'))];
    const notice = element('div', { class: 'notice bad' }, element('p', {}, text), ...evidence, close);
    close.addEventListener('click', () => notice.remove());
    this.#region.append(notice);
  }
}
