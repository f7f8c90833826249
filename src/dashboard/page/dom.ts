/** The little that the page needs to make elements. Text only ever gets in as text: nothing here reads markup. */

type Child = Node | string;

export interface Attributes {
  readonly [name: string]: string | number | boolean | null;
}

/** An attribute that is true is set without a value; false and null leave it out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svgElement<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

/** Writes only what has changed: a page that is at rest costs nothing, and what is selected stays so. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: Element, name: string, value: Attributes[string]): void {
  const wanted = value === true ? '' : value === false || value === null ? null : String(value);
  if (target.getAttribute(name) === wanted) return;
  if (wanted === null) target.removeAttribute(name);
  else target.setAttribute(name, wanted);
}

/**
 * A button that cannot be pressed just now keeps the focus, if it has it: one that is `disabled` would lose it, and with
 * it the reader's place in the page.
 */
export function setEnabled(button: HTMLButtonElement, isEnabled: boolean): void {
  setAttribute(button, 'aria-disabled', isEnabled ? null : 'true');
}

export function onPress(button: HTMLButtonElement, act: () => void): void {
  button.addEventListener('click', () => {
    if (!button.hasAttribute('aria-disabled')) act();
  });
}

/** An element of index.html. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}
