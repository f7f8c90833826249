import { closeSync, openSync, readSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { App } from './app.ts';

/**
 * How workers of an app are reached. link: Node, under our preload. http: any program, each on an address of its own.
 * either: whichever comes first, since a shell may start one or the other.
 */
export type ChildProtocol = 'link' | 'http' | 'either';

/** Where a program of another kind is reached by clients when nothing says so. */
export const DEFAULT_PORT = 8080;

/** Kinds of commands, by what can be seen of them before they run. */
type CommandKind = 'node' | 'other' | 'unknown';

const NODE_NAMES = /^(?:node|nodejs|npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack)$/;
/** They run what they are told to. */
const SHELL_NAMES =
  /^(?:sh|bash|dash|zsh|ksh|ash|busybox|env|make|just|nice|timeout|xargs|sudo|doas|su|setpriv|dotenv)$/;
const HEAD_BYTES = 256;

/**
 * A script runs under our preload. Of a command that is evidently no Node every child gets an address of its own; where
 * that cannot be seen, as of a shell, it gets one if it is known where clients reach the whole, and may dial in as well.
 *
 * @param asked what the options say
 * @param hasPort it is known on which port clients reach the app
 */
export function childProtocolOf(app: App, asked: 'auto' | 'link' | 'http', hasPort: boolean): ChildProtocol {
  if (asked !== 'auto') return asked;
  if (app.form === 'script') return 'link';
  switch (kindOf(app.file)) {
    case 'node':
      return 'link';
    case 'other':
      return 'http';
    case 'unknown':
      return hasPort ? 'either' : 'link';
  }
}

function kindOf(file: string): CommandKind {
  const name = basename(file);
  if (NODE_NAMES.test(name)) return 'node';
  if (SHELL_NAMES.test(name)) return 'unknown';
  const head = headOf(file);
  if (!head.startsWith('#!')) {
    // What a link such as `sh -> busybox` leads to.
    const target = basename(targetOf(file));
    return NODE_NAMES.test(target) ? 'node' : SHELL_NAMES.test(target) ? 'unknown' : 'other';
  }
  const words = head.slice(2).split('\n', 1)[0]!.trim().split(/\s+/);
  const interpreter =
    basename(words[0]!) === 'env' ? (words.find((word, i) => i > 0 && !/^-|=/.test(word)) ?? '') : words[0]!;
  const base = basename(interpreter);
  if (NODE_NAMES.test(base)) return 'node';
  return SHELL_NAMES.test(base) || base === '' ? 'unknown' : 'other';
}

function headOf(file: string): string {
  const bytes = Buffer.alloc(HEAD_BYTES);
  try {
    const descriptor = openSync(file, 'r');
    try {
      return bytes.latin1Slice(0, readSync(descriptor, bytes));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}

function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
