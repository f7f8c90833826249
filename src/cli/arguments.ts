import { parseArgs } from 'node:util';
import { EvenerError } from '../core/evener-error.ts';
import { nearestName } from '../core/nearest-name.ts';
import { type EvenerOptions, expectation, OPTIONS, type OptionSpec } from '../index.ts';

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly options: EvenerOptions };

/** Belong to the contract of the command, and to a later version of it. */
const LATER_FLAGS = ['config', 'admin', 'access-log', 'watch', 'json'];
const LATER_VERBS = [
  'proxy',
  'status',
  'events',
  'reload',
  'scale',
  'restart',
  'drain',
  'stop',
  'top',
  'logs',
  'why',
  'check',
];

/** Options stand anywhere before `--`; what follows it belongs to the app. @throws EvenerError EVENER_USAGE */
export function parseCommandLine(argv: readonly string[]): Request {
  const end = argv.indexOf('--');
  const ours = end === -1 ? [...argv] : argv.slice(0, end);
  const behind = end === -1 ? [] : argv.slice(end + 1);
  const { tokens } = parseArgs({
    args: ours,
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      ...Object.fromEntries(OPTIONS.map((spec) => [spec.flag, parserOption(spec)])),
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  });
  const words: string[] = [];
  const given: Record<string, string | boolean> = {};
  let asked: 'help' | 'version' | null = null;
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    if (token.name === 'help' || token.name === 'version') {
      if (token.value !== undefined) throw usage(`${token.rawName} takes no value`);
      asked ??= token.name;
    } else {
      const spec = specOf(token.name, token.rawName);
      given[spec.key] = optionValue(spec, token.rawName, token.value, token.inlineValue);
    }
  }
  if (asked !== null) return { kind: asked };
  return { kind: 'run', options: { ...given, ...appOf(words, behind, end !== -1) } };
}

function parserOption(spec: OptionSpec): { type: 'string' | 'boolean'; short?: string } {
  const type = spec.kind === 'flag' ? 'boolean' : 'string';
  return spec.short === null ? { type } : { type, short: spec.short };
}

function specOf(name: string, rawName: string): OptionSpec {
  const spec = OPTIONS.find((one) => one.flag === name);
  if (spec !== undefined) return spec;
  if (LATER_FLAGS.includes(name)) throw usage(`${rawName} is not in this version yet`);
  const near = nearestName(name, [...OPTIONS.map((one) => one.flag), ...LATER_FLAGS, 'help', 'version']);
  const hint = near === null ? 'see evener --help' : `did you mean --${near}?`;
  throw usage(`unknown option ${rawName}: ${hint} (options for the app go after --)`);
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
  if (value === undefined || value === '' || (isInline !== true && value.startsWith('-'))) {
    const got = value === undefined ? 'nothing' : JSON.stringify(value);
    throw usage(`${rawName} needs a value: expected ${expectation(spec)}, got ${got}`);
  }
  return value;
}

function appOf(words: readonly string[], behind: readonly string[], hasEnd: boolean): EvenerOptions {
  const [verb, ...rest] = words;
  const app = verb === 'run' ? rest : words;
  if (verb !== undefined && LATER_VERBS.includes(verb)) {
    throw usage(`evener ${verb} is not in this version yet (to run a script of that name: evener run ./${verb})`);
  }
  if (app.length > 0) return { app, args: behind };
  if (behind.length > 0) return { app: behind };
  throw usage(
    hasEnd ? 'nothing to run: a command is expected after --' : 'nothing to run: evener <script>, see evener --help',
  );
}

function usage(message: string): EvenerError {
  return new EvenerError('EVENER_USAGE', message);
}
