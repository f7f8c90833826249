import type { ServerStatus } from './api-types.ts';
import { byId, element, setAttribute, setText } from './dom.ts';

/** A row for each server of a pool. */
export class Servers {
  readonly #section = byId('servers');
  readonly #body: HTMLTableSectionElement = element('tbody');

  constructor() {
    const heads = ['Server', 'State', 'Why'].map((name) => element('th', { scope: 'col' }, name));
    byId('servers-table').append(element('thead', {}, element('tr', {}, ...heads)), this.#body);
  }

  draw(servers: readonly ServerStatus[]): void {
    this.#section.hidden = servers.length === 0;
    while (this.#body.rows.length > servers.length) this.#body.deleteRow(-1);
    while (this.#body.rows.length < servers.length) this.#body.append(rowOf());
    servers.forEach(({ server, source, state, reason }, i) => {
      const row = this.#body.rows[i]!;
      setAttribute(row, 'data-state', state === 'up' ? 'ready' : 'stalled');
      setText(row.cells[0]!, server);
      setText(row.cells[1]!.firstChild!, state);
      setText(row.cells[2]!, reason === '' && source !== null ? `found by ${source}` : reason);
    });
  }
}

function rowOf(): HTMLTableRowElement {
  return element(
    'tr',
    {},
    element('th', { scope: 'row', class: 'target' }),
    element('td', {}, element('span', { class: 'state' })),
    element('td', { class: 'reason' }),
  );
}
