import type { Incident } from './api-types.ts';
import { byId, element, setAttribute, setText } from './dom.ts';
import { words } from './event-text.ts';
import { evidenceOf } from './evidence.ts';
import { agoText, clockText, counted, countText, durationText } from './format.ts';

/** More of what is over is shown when the reader asks for it. */
const SHOWN_OVER = 6;

/** What went wrong of late, those that go on first. What opens while the page is open is read out. */
export class Incidents {
  readonly #list = byId('incident-list');
  readonly #none = byId('incidents-none');
  readonly #count = byId('incident-count');
  readonly #link = byId<HTMLAnchorElement>('open-incidents');
  readonly #announcer = byId('announcer');
  readonly #items = new Map<string, Item>();
  readonly #more = byId<HTMLButtonElement>('incidents-all');
  #told: readonly Incident[] = [];
  #isWhole = false;
  #isFirst = true;
  #nowMs: number = Date.now();

  constructor() {
    this.#more.addEventListener('click', () => {
      this.#isWhole = !this.#isWhole;
      this.show(this.#told);
    });
  }

  /** @param all newest first @returns how many go on */
  show(all: readonly Incident[]): number {
    this.#told = all;
    const over = all.filter((one) => !isOpen(one));
    const shown = [...all.filter(isOpen), ...(this.#isWhole ? over : over.slice(0, SHOWN_OVER))];
    this.#more.hidden = over.length <= SHOWN_OVER;
    setText(this.#more, this.#isWhole ? 'Show fewer' : `Show all ${all.length}`);
    this.#forgetOthers(shown);
    shown.forEach((incident, i) => {
      const item = this.#items.get(incident.id) ?? this.#add(incident);
      item.draw(incident, this.#nowMs);
      if (this.#list.children[i] !== item.root) this.#list.insertBefore(item.root, this.#list.children[i] ?? null);
    });
    const open = all.filter(isOpen).length;
    this.#none.hidden = all.length > 0;
    setText(this.#count, all.length === 0 ? '' : open === 0 ? String(all.length) : `${open} open of ${all.length}`);
    this.#link.hidden = open === 0;
    setText(this.#link, counted(open, 'open incident'));
    this.#isFirst = false;
    return open;
  }

  /** Their ages grow by themselves. @param nowMs by the clock that dates them */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const item of this.#items.values()) item.tick(nowMs);
  }

  #add(incident: Incident): Item {
    const item = new Item();
    this.#items.set(incident.id, item);
    // Those of before the page was opened are no news.
    if (!this.#isFirst)
      setText(this.#announcer, `Incident: ${words(incident.kind)}, ${aboutOf(incident)}: ${incident.cause}`);
    return item;
  }

  #forgetOthers(shown: readonly Incident[]): void {
    const present = new Set(shown.map(({ id }) => id));
    for (const [id, item] of this.#items) {
      if (present.has(id)) continue;
      item.root.remove();
      this.#items.delete(id);
    }
  }
}

class Item {
  readonly root: HTMLElement;
  readonly #kind = element('span', { class: 'incident-kind' });
  readonly #about = element('span', { class: 'incident-about' });
  readonly #when = element('time', { class: 'quiet' });
  readonly #cause = element('p', { class: 'incident-cause' });
  readonly #details = element('div', { class: 'incident-details' });
  readonly #fold = element('details');
  #incident: Incident | null = null;
  #drawn = '';

  constructor() {
    const head = element('span', { class: 'incident-head' }, this.#kind, ' ', this.#about, ' ', this.#when);
    this.#fold.append(element('summary', {}, head, this.#cause), this.#details);
    this.#fold.addEventListener('toggle', () => this.#drawDetails());
    this.root = element('li', { class: 'incident' }, this.#fold);
  }

  draw(incident: Incident, nowMs: number): void {
    this.#incident = incident;
    setAttribute(this.root, 'data-severity', incident.severity);
    setAttribute(this.root, 'data-open', isOpen(incident));
    const { kind, count } = incident;
    setText(this.#kind, count > 1 ? `${words(kind)} ×${countText(count)}` : words(kind));
    setText(this.#about, aboutOf(incident));
    setText(this.#cause, incident.cause);
    setAttribute(this.#when, 'datetime', incident.openedAt);
    this.tick(nowMs);
    this.#drawDetails();
  }

  tick(nowMs: number): void {
    if (this.#incident === null) return;
    const age = agoText(this.#incident.openedAt, nowMs);
    setText(this.#when, isOpen(this.#incident) ? `open, ${age}` : age);
  }

  /** Only when they are looked at; and not again while they are the same, lest what is selected in them is lost. */
  #drawDetails(): void {
    if (!this.#fold.open || this.#incident === null) return;
    const drawn = JSON.stringify(this.#incident);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const { openedAt, closedAt, decision, recovery, evidence } = this.#incident;
    const told = element('dl', { class: 'facts' });
    const tell = (name: string, text: string | null): void => {
      if (text !== null) told.append(element('div', {}, element('dt', {}, name), element('dd', {}, text)));
    };
    tell('Began', clockText(openedAt));
    tell('Then', decision);
    tell('Ended', recovery);
    if (typeof closedAt === 'string')
      tell('Lasted', durationText((Date.parse(closedAt) - Date.parse(openedAt)) / 1000));
    this.#details.replaceChildren(...evidenceOf(evidence), told);
  }
}

/** `api, worker 3`. */
function aboutOf({ app, worker }: Incident): string {
  const place = worker === null ? [] : [`worker ${worker}`];
  return [...(app === null ? [] : [app]), ...place].join(', ') || 'the instance';
}

function isOpen({ closedAt }: Incident): boolean {
  return closedAt === null;
}
