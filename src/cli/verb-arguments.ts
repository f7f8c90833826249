import { parseArgs } from 'node:util';
import { EvenerError } from '../core/evener-error.ts';
import { nearestName } from '../core/nearest-name.ts';
import type { Verb } from './command-words.ts';

/** A command that acts on an instance that runs. */
export interface VerbRequest {
  readonly kind: 'verb';
  readonly verb: Verb;
  /** What follows it. */
  readonly words: readonly string[];
  /** Name of the instance; null = the one that is meant here. */
  readonly name: string | null;
  /** Its process id, where several have one name. */
  readonly pid: number | null;
  readonly json: boolean;
  readonly follow: boolean;
  readonly now: boolean;
  readonly app: string | null;
  readonly lines: number | null;
  /** Of a reload: workers replaced at a time. */
  readonly parallel: number | null;
  /** Of a reload: `10%`, checked by the instance, as {@link for} is. */
  readonly canary: string | null;
  readonly for: string | null;
}

type Flag = 'json' | 'follow' | 'now' | 'app' | 'lines' | 'parallel' | 'canary' | 'for';

export interface VerbSpec {
  /** What stands after it in `--help`. */
  readonly usage: string;
  readonly meaning: string;
  /** How many words may follow. */
  readonly words: readonly [min: number, max: number];
  readonly flags: readonly Flag[];
}

/** Every verb, in the order of `--help`. */
export const VERBS: Readonly<Record<Verb, VerbSpec>> = {
  status: { usage: '', meaning: 'the instance, its apps and its workers', words: [0, 0], flags: ['json'] },
  top: { usage: '', meaning: 'the same, live, with keys to act', words: [0, 0], flags: [] },
  events: { usage: '[-f]', meaning: 'what happened; -f: and what happens', words: [0, 0], flags: ['json', 'follow'] },
  logs: {
    usage: '[-f] [-n <lines>] [worker]',
    meaning: 'what workers write',
    words: [0, 1],
    flags: ['json', 'follow', 'lines'],
  },
  reload: {
    usage: '[--parallel <n>] [--canary <share|off>] [--for <dur>]',
    meaning: 'read the config again, replace the workers; --canary 10%: judge the first new one',
    words: [0, 0],
    flags: ['json', 'parallel', 'canary', 'for'],
  },
  scale: {
    usage: '<n|+n|-n>',
    meaning: 'so many workers, or so many more or less',
    words: [1, 1],
    flags: ['json', 'app'],
  },
  restart: { usage: '<worker...>', meaning: 'replace workers', words: [1, 512], flags: ['json'] },
  drain: { usage: '<worker...>', meaning: 'let workers finish and end', words: [1, 512], flags: ['json'] },
  why: { usage: '<worker>', meaning: 'what a worker is doing, by file and line', words: [1, 1], flags: ['json'] },
  stop: { usage: '[--now]', meaning: 'finish what is in flight, then end', words: [0, 0], flags: ['json', 'now'] },
  dashboard: { usage: '', meaning: 'the link to the dashboard', words: [0, 0], flags: ['json'] },
};
const ALL_FLAGS = {
  name: { type: 'string' },
  pid: { type: 'string' },
  app: { type: 'string' },
  lines: { type: 'string', short: 'n' },
  parallel: { type: 'string' },
  canary: { type: 'string' },
  for: { type: 'string' },
  json: { type: 'boolean' },
  follow: { type: 'boolean', short: 'f' },
  now: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** null when the command line is no verb's; 'help' when that is asked for. @throws EvenerError EVENER_USAGE */
export function parseVerb(argv: readonly string[]): VerbRequest | 'help' | null {
  const [verb] = argv;
  if (verb === undefined || !Object.hasOwn(VERBS, verb)) return null;
  const spec: VerbSpec = VERBS[verb as Verb];
  // `scale -1` is a number of workers, not an option.
  const steps = argv.slice(1).filter((word) => verb === 'scale' && /^[+-]\d+$/.test(word));
  const rest = argv.slice(1).filter((word) => !steps.includes(word));
  const { tokens } = parseArgs({ args: rest, strict: false, tokens: true, allowPositionals: true, options: ALL_FLAGS });
  const words = [...steps];
  const given: Record<string, string | true> = {};
  const allowed: readonly string[] = ['name', 'pid', 'help', ...spec.flags];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    if (!allowed.includes(token.name)) throw unknownOption(verb, token.rawName, token.name, allowed);
    given[token.name] = givenValue(token.rawName, token.name as keyof typeof ALL_FLAGS, token.value);
  }
  if (given.help === true) return 'help';
  const [min, max] = spec.words;
  if (words.length < min || words.length > max) {
    throw usage(
      `${verb}: expected ${wordsText(verb as Verb, spec)}, got ${words.length === 0 ? 'nothing' : words.join(' ')}`,
    );
  }
  if (verb === 'scale' && !/^[+-]?\d{1,9}$/.test(words[0]!)) {
    throw usage(`scale: expected a number of workers such as 4, +1 or -1, got ${JSON.stringify(words[0])}`);
  }
  return {
    kind: 'verb',
    verb: verb as Verb,
    words,
    name: textOf(given.name),
    pid: numberOf('--pid', given.pid, 4_194_304),
    json: given.json === true,
    follow: given.follow === true,
    now: given.now === true,
    app: textOf(given.app),
    lines: numberOf('--lines', given.lines, 10_000),
    parallel: numberOf('--parallel', given.parallel, 512, 1),
    canary: textOf(given.canary),
    for: textOf(given.for),
  };
}

function unknownOption(verb: string, rawName: string, name: string, allowed: readonly string[]): EvenerError {
  const near = nearestName(name, allowed);
  const known = allowed.map((one) => `--${one}`).join(', ');
  return usage(
    `evener ${verb} knows no ${rawName}: ${near === null ? `there are ${known}` : `did you mean --${near}?`}`,
  );
}

/** What may follow a verb, in words. */
function wordsText(verb: Verb, { usage, words: [, max] }: VerbSpec): string {
  if (max === 0) return 'nothing behind it but options';
  if (verb === 'scale') return 'a number of workers such as 4, +1 or -1';
  return `${usage.replace(/^.*\] /, '')} (evener status shows them)`;
}

/** What options that are no switches take, in words. */
const TAKES: Readonly<Record<string, string>> = {
  name: 'the name of an instance',
  pid: 'the process id of an instance',
  app: 'the name of an app',
  lines: 'a number of lines, 0-10000',
  parallel: 'a number of workers, 1-512',
  canary: "a share of the requests such as 10%, or 'off'",
  for: 'a duration such as 60s',
};

function givenValue(rawName: string, name: keyof typeof ALL_FLAGS, value: string | undefined): string | true {
  const isText = ALL_FLAGS[name].type === 'string';
  if (!isText && value !== undefined) throw usage(`${rawName} takes no value`);
  if (isText && (value === undefined || value === '')) throw usage(`${rawName} needs a value: expected ${TAKES[name]}`);
  return value ?? true;
}

function textOf(value: string | true | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(flag: string, value: string | true | undefined, max: number, min: number = 0): number | null {
  if (value === undefined) return null;
  const number = /^\d{1,7}$/.test(String(value)) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw usage(`${flag}: expected a whole number, ${min}-${max}, got ${JSON.stringify(value)}`);
}

function usage(message: string): EvenerError {
  return new EvenerError('EVENER_USAGE', message);
}
