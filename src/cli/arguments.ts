import { parseArgs } from 'node:util';
import { EvenerError } from '../core/evener-error.ts';
import { nearestName } from '../core/nearest-name.ts';
import { type EvenerOptions, expectation, OPTIONS, type OptionSpec } from '../index.ts';
import { parseVerb, type VerbRequest } from './verb-arguments.ts';

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      /** check: print the options instead of running by them. */
      readonly kind: 'run' | 'check';
      readonly options: EvenerOptions;
      /** The config file that was named, else null. */
      readonly config: string | null;
      readonly json: boolean;
    }
  | VerbRequest;

/** Options that have a flag. */
const FLAGS = OPTIONS.filter((spec): spec is OptionSpec & { readonly flag: string } => spec.flag !== null);

/** Those, and what else is an option of ours. */
const OUR_NAMES: readonly string[] = [...FLAGS.map((spec) => spec.flag), 'config', 'json', 'help', 'version'];

const FOR_THE_APP = 'options for the app go after --';

/** Options stand anywhere before `--`; what follows it belongs to the app. @throws EvenerError EVENER_USAGE */
export function parseCommandLine(argv: readonly string[]): Request {
  const verbRequest = parseVerb(argv);
  if (verbRequest !== null) return verbRequest === 'help' ? { kind: 'help' } : verbRequest;
  const end = argv.indexOf('--');
  const ours = end === -1 ? [...argv] : argv.slice(0, end);
  const behind = end === -1 ? [] : argv.slice(end + 1);
  const { tokens } = parseArgs({
    args: ours,
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      ...Object.fromEntries(FLAGS.map((spec) => [spec.flag, parserOption(spec)])),
      config: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  });
  const words: string[] = [];
  const given: Record<string, string | boolean> = {};
  let asked: 'help' | 'version' | null = null;
  let config: string | null = null;
  let json = false;
  let isFileNext = false;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (isFileNext) given.accessLog = token.value;
      else words.push(token.value);
    }
    isFileNext = false;
    if (token.kind !== 'option') continue;
    if (token.name === 'help' || token.name === 'version') {
      if (token.value !== undefined) throw usage(`${token.rawName} takes no value`);
      asked ??= token.name;
    } else if (token.name === 'config') {
      config = textValue(token.rawName, 'a file', token.value, token.inlineValue);
    } else if (token.name === 'json') {
      if (token.value !== undefined) throw usage(`${token.rawName} takes no value`);
      json = true;
    } else {
      const spec = FLAGS.find((one) => one.flag === token.name);
      if (spec === undefined) throw unknownOption(token, words, tokens, argv);
      const value = optionValue(spec, token.rawName, token.value, token.inlineValue);
      given[spec.key] = value;
      // `evener server.js --access-log access.log`: the word behind it is the file, unless it is the script.
      isFileNext = spec.kind === 'log' && value === true && words.some((word) => word !== 'run');
    }
  }
  if (asked !== null) return { kind: asked };
  const [verb, ...rest] = words;
  if (verb === 'proxy') return { kind: 'run', config, json: false, options: proxied(rest, given, behind, json) };
  const kind = verb === 'check' ? 'check' : 'run';
  const app = verb === 'check' || verb === 'run' ? rest : words;
  if (kind === 'run' && json) throw usage('--json goes with commands that print facts, such as check');
  return { kind, config, json, options: { ...given, ...appOf(app, behind, end !== -1) } };
}

function parserOption(spec: OptionSpec): { type: 'string' | 'boolean'; short?: string } {
  // A log's file may be left out.
  const type = spec.kind === 'flag' || spec.kind === 'log' ? 'boolean' : 'string';
  return spec.short === null ? { type } : { type, short: spec.short };
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];
type OptionToken = Extract<Token, { kind: 'option' }>;

/** @param words those before it */
function unknownOption(
  { name, rawName }: OptionToken,
  words: readonly string[],
  tokens: readonly Token[],
  argv: readonly string[],
): EvenerError {
  const near = nearestName(name, OUR_NAMES);
  const hint = near === null ? 'see evener --help' : `did you mean --${near}?`;
  const [first, ...more] = words;
  if (first === 'proxy') return usage(`unknown option ${rawName}: ${hint}`);
  const app = first === 'run' || first === 'check' ? more[0] : first;
  // A script has an extension or a path.
  const isCommand = app !== undefined && !/[./\\]/.test(app);
  const rest = isCommand ? `if it is for ${app}, write: ${withCommandBehind(tokens, argv)}` : FOR_THE_APP;
  return usage(`unknown option ${rawName}: ${hint} (${rest})`);
}

/** The same command line with our options first, and all that is the command's behind `--`. */
function withCommandBehind(tokens: readonly Token[], argv: readonly string[]): string {
  const verb = argv.find((word) => !word.startsWith('-'));
  const ours = new Set(verb === 'run' || verb === 'check' ? [argv.indexOf(verb)] : []);
  for (const token of tokens) {
    if (token.kind !== 'option' || !OUR_NAMES.includes(token.name)) continue;
    ours.add(token.index);
    if (token.value !== undefined && !token.inlineValue) ours.add(token.index + 1);
  }
  const part = (isOurs: boolean): string[] => argv.filter((_, i) => ours.has(i) === isOurs).map(quoted);
  return ['evener', ...part(true), '--', ...part(false)].join(' ');
}

/** As a shell would want it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function optionValue(
  spec: OptionSpec,
  rawName: string,
  value: string | undefined,
  isInline: boolean | undefined,
): string | boolean {
  if (spec.kind === 'flag') {
    if (value !== undefined) throw usage(`${rawName} takes no value, got ${JSON.stringify(value)}`);
    return true;
  }
  if (spec.kind === 'log' && value === undefined) return true;
  return textValue(rawName, expectation(spec), value, isInline);
}

function textValue(
  rawName: string,
  expected: string,
  value: string | undefined,
  isInline: boolean | undefined,
): string {
  if (value === undefined || value === '' || (isInline !== true && value.startsWith('-'))) {
    const got = value === undefined ? 'nothing' : JSON.stringify(value);
    throw usage(`${rawName} needs a value: expected ${expected}, got ${got}`);
  }
  return value;
}

/** Nothing where a config file is to say it. */
function appOf(words: readonly string[], behind: readonly string[], hasEnd: boolean): EvenerOptions {
  if (words.length > 0) return { app: words, args: behind };
  if (behind.length > 0) return { app: behind };
  if (hasEnd) throw usage('nothing to run: a command is expected after --');
  return {};
}

/** `evener proxy <url...>`: no app, and no options that are about one. */
function proxied(
  servers: readonly string[],
  given: Record<string, string | boolean>,
  behind: readonly string[],
  json: boolean,
): EvenerOptions {
  if (servers.length === 0) throw usage('no server: evener proxy <url...> -p <port>, such as http://10.0.0.5:8080');
  if (behind.length > 0) throw usage('evener proxy runs nothing: what follows -- has nowhere to go');
  if (json) throw usage('--json goes with commands that print facts, such as check');
  const stray = FLAGS.find(({ key, scope }) => scope === 'app' && key !== 'port' && given[key] !== undefined);
  if (stray !== undefined) throw usage(`--${stray.flag} is about an app, and evener proxy runs none`);
  return { ...given, servers };
}

function usage(message: string): EvenerError {
  return new EvenerError('EVENER_USAGE', message);
}
