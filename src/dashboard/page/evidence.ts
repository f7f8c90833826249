import { element } from './dom.ts';
import { type Fields, isRecord } from './fields.ts';
import { bytesText, countText, percentText, spanText } from './format.ts';

/** Deeper ones are shown as JSON. */
const MAX_DEPTH = 3;

/** Texts for the values that Evener gives as bare words. */
const MEANINGS: Readonly<Record<string, string>> = {
  spinning: 'spinning: it computes',
  waiting: 'waiting in the kernel',
  stopped: 'stopped by a signal, until SIGCONT',
  debugger: 'none: a debugger is attached to it',
  'no-inspector': 'none: it has no handler for SIGUSR1',
  'no-answer': 'none: it is outside JavaScript, or the app listens for SIGUSR1',
  turning: 'none: its event loop turns',
};

/**
 * What an incident has to show: stacks, requests in flight and output as what they are, other fields as a list. Fields
 * that are not known here are shown by their name, so that none is lost.
 */
export function evidenceOf(evidence: Fields): HTMLElement[] {
  const blocks: HTMLElement[] = [];
  const facts = element('dl', { class: 'facts' });
  collect(evidence, facts, blocks, 0);
  return facts.childElementCount === 0 ? blocks : [...blocks, facts];
}

function collect(fields: Fields, facts: HTMLElement, blocks: HTMLElement[], depth: number): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined || value === '') continue;
    if (Array.isArray(value)) {
      if (value.length > 0) blocks.push(blockOf(name, value));
    } else if (isRecord(value)) {
      if (depth < MAX_DEPTH) collect(value, facts, blocks, depth + 1);
      else blocks.push(titled(label(name), element('pre', {}, JSON.stringify(value, null, 2))));
    } else if (typeof value === 'string' && value.includes('\n')) {
      blocks.push(titled(label(name), output(value)));
    } else {
      facts.append(element('div', {}, element('dt', {}, label(name)), element('dd', {}, factText(name, value))));
    }
  }
}

function blockOf(name: string, values: readonly unknown[]): HTMLElement {
  if (values.every((one) => isRecord(one) && 'functionName' in one)) {
    return titled('Stack', stack(values as readonly Fields[]));
  }
  if (values.every((one) => isRecord(one) && 'target' in one)) {
    return titled(`In flight: ${values.length}`, requests(values as readonly Fields[]));
  }
  if (values.every((one) => typeof one === 'string')) return titled(label(name), output(values.join('\n')));
  return titled(label(name), output(JSON.stringify(values, null, 2)));
}

/** The innermost frame first; the app's own stand out from Node's. */
function stack(frames: readonly Fields[]): HTMLElement {
  const lines = frames.map(({ functionName, file, line, column }) => {
    const isOurs = !String(file).startsWith('node:') && !String(file).includes('/node_modules/');
    const name = functionName === '' ? '(anonymous)' : String(functionName);
    const place = `${file}:${line}:${column}`;
    return element(
      'li',
      { class: isOurs ? 'frame' : 'frame foreign' },
      element('b', {}, name),
      ' ',
      element('span', {}, place),
    );
  });
  return element('ol', { class: 'stack' }, ...lines);
}

function requests(list: readonly Fields[]): HTMLElement {
  const heads = ['Method', 'Target', 'Age'].map((name) => element('th', { scope: 'col' }, name));
  const rows = list.map(({ method, target, ageMs }) =>
    element(
      'tr',
      {},
      element('td', {}, String(method)),
      element('td', { class: 'target' }, String(target)),
      element('td', {}, typeof ageMs === 'number' ? spanText(ageMs) : ''),
    ),
  );
  return element(
    'table',
    { class: 'requests' },
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...rows),
  );
}

/** What a process wrote. */
export function output(text: string): HTMLElement {
  return element('pre', { tabindex: '0', role: 'region', 'aria-label': 'Text' }, plain(text));
}

/** Without the control sequences that colour a terminal. */
export function plain(text: string): string {
  return text.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/\u001b\][^\u0007\u001b]*(\u0007|\u001b\\)/g, '');
}

function titled(title: string, content: HTMLElement): HTMLElement {
  return element('div', { class: 'evidence' }, element('h3', {}, title), content);
}

function factText(name: string, value: unknown): string {
  if (typeof value === 'number') {
    if (name.endsWith('Ms')) return spanText(value);
    if (/bytes$/i.test(name)) return bytesText(value);
    if (name.endsWith('Share') || name.endsWith('Utilization')) return percentText(value);
    return /pid/i.test(name) ? String(value) : countText(value);
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  const text = String(value);
  return MEANINGS[text] ?? text;
}

const LABELS: Readonly<Record<string, string>> = {
  pid: 'Process id',
  tail: 'Last output',
  text: 'Error',
  isHopeless: 'Would end so again',
  isUncaught: 'Uncaught',
  silentMs: 'Silent for',
  withoutFrames: 'Stack',
  cpuShare: 'CPU, of one core',
  waitChannel: 'Waits in',
  isLeftAlone: 'Left alone',
  restartInMs: 'Restarted in',
  limitBytes: 'Limit',
  bytes: 'Size',
  answeredInMs: 'Answered in',
};

/** `failedStarts` -> `Failed starts`; `bootMs` -> `Boot`. */
function label(name: string): string {
  const text =
    LABELS[name] ??
    name
      .replace(/(Ms|Bytes)$/, '')
      .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
