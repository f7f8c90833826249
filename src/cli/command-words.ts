/** Commands that act on an instance that runs. */
const VERBS = [
  'status',
  'top',
  'events',
  'logs',
  'reload',
  'scale',
  'restart',
  'drain',
  'why',
  'stop',
  'dashboard',
] as const;

export type Verb = (typeof VERBS)[number];

/** Of all others that the command line knows, these start nothing either. */
const START_NOTHING: ReadonlySet<string> = new Set([...VERBS, 'check', 'init']);

const QUESTIONS: ReadonlySet<string> = new Set(['--help', '-h', '--version', '-v']);

/** Whether a command line is most likely to start an app or servers: for what may be begun before it has been parsed. */
export function startsAnApp(argv: readonly string[]): boolean {
  const [first = ''] = argv;
  const end = argv.indexOf('--');
  const ours = end === -1 ? argv : argv.slice(0, end);
  return !START_NOTHING.has(first) && !ours.some((word) => QUESTIONS.has(word));
}
