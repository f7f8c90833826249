import { EvenerError } from '../core/evener-error.ts';
import { lastingOutput } from '../core/lasting-output.ts';
import { nearestName } from '../core/nearest-name.ts';
import {
  loadOptions,
  loadSupervisor,
  OPTIONS,
  ServiceManager,
  type Supervisor,
  serviceManagerIn,
  version,
} from '../index.ts';
import { parseCommandLine } from './arguments.ts';
import { becomeChildOfInit } from './first-process.ts';
import { type InitWords, initWords } from './init/init-arguments.ts';
import { Narrator } from './narrator.ts';
import { followSignals } from './signals.ts';
import { VERBS, type VerbRequest } from './verb-arguments.ts';

const CLEAN = 0;
const FAILURE = 1;
const USAGE = 2;
/** How long the reader of our output may hold up our exit. */
const FLUSH_LIMIT_MS = 1000;

/** Errors of the user's making, by exit code 2. */
const USAGE_CODES: ReadonlySet<string> = new Set(['EVENER_USAGE', 'EVENER_CONFIG_INVALID', 'EVENER_APP_NOT_FOUND']);

/** Runs the command. @returns the exit code, once all that was printed has been read */
export async function runCommand(argv: readonly string[]): Promise<number> {
  // Whoever reads what we print may go away (`evener server.js | head`); that is no reason to end.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const exitCode = await obey(argv);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  return exitCode;
}

async function obey(argv: readonly string[]): Promise<number> {
  let supervisor: Supervisor;
  try {
    const words = initWords(argv);
    if (words !== null) return await printed(init(words));
    const request = parseCommandLine(argv);
    if (request.kind === 'help') await help();
    if (request.kind === 'version') process.stdout.write(`${version()}\n`);
    if (request.kind === 'check') {
      const loaded = await loadOptions(request);
      const { checkText } = await import('./check.ts');
      process.stdout.write(checkText(loaded, request.json));
    }
    if (request.kind === 'verb') return await printed(act(request));
    if (request.kind !== 'run') return await printed(CLEAN);
    const remark = becomeChildOfInit();
    if (remark !== null) say(remark);
    const loaded = await loadSupervisor(request);
    for (const note of loaded.notes) say(note);
    supervisor = loaded.supervisor;
  } catch (error) {
    if (!(error instanceof EvenerError) || !USAGE_CODES.has(error.code)) throw error;
    say(usageText(error) + verbHint(error, argv));
    return USAGE;
  }
  const narrator = new Narrator(say);
  supervisor.subscribe((event) => narrator.tell(event));
  let wasKilled = false;
  followSignals(supervisor, () => {
    wasKilled = true;
  });
  const manager = followedBy(supervisor);
  // A failed start is told by an event, and by what closed resolves to.
  supervisor.start().catch(() => {});
  const error = await supervisor.closed;
  await manager?.close();
  return error === null && !wasKilled ? CLEAN : FAILURE;
}

/** Who has started us and wants to hear how we fare; null where nobody does. */
function followedBy(supervisor: Supervisor): ServiceManager | null {
  const facts = serviceManagerIn(process.env, process.pid);
  if (facts === null) return null;
  return new ServiceManager(supervisor, facts, (reason) => say(`the service manager cannot be told: ${reason}`));
}

/** Writes files for another place to run at. @returns the exit code */
async function init(words: InitWords): Promise<number> {
  const request = parseCommandLine(words.rest.length > 0 ? ['run', ...words.rest] : ['run']);
  if (request.kind === 'help') await help();
  if (request.kind === 'run') {
    const { initFiles } = await import('./init/init.ts');
    process.stdout.write(await initFiles(words, request));
  }
  return CLEAN;
}

async function help(): Promise<void> {
  const { helpText } = await import('./help.ts');
  process.stdout.write(helpText());
}

/** Does what a verb asks of a running instance. @returns the exit code */
async function act(request: VerbRequest): Promise<number> {
  const { ControlFailure } = await import('../control/client.ts');
  const { failureText, runVerb } = await import('./verbs.ts');
  try {
    await runVerb(request);
    return CLEAN;
  } catch (error) {
    if (!(error instanceof ControlFailure)) throw error;
    say(failureText(error));
    return error.code === 'BAD_REQUEST' || error.code === 'NOT_FOUND' ? USAGE : FAILURE;
  }
}

/** What was asked for is on its way. @returns the exit code: no clean one where it cannot be written, as on a full disk */
async function printed(ending: number | Promise<number>): Promise<number> {
  const exitCode = await ending;
  await flushed(process.stdout);
  const error = process.stdout.errored as NodeJS.ErrnoException | null;
  // Whoever has read enough goes away.
  if (error === null || error.code === 'EPIPE') return exitCode;
  say(`what was asked for cannot be written: ${error.message}`);
  return exitCode === CLEAN ? FAILURE : exitCode;
}

/** Names an option as it is written on the command line. */
function usageText(error: EvenerError): string {
  const { key, expected, value } = error.details;
  const spec = OPTIONS.find((one) => one.key === key);
  // What the message calls by its key may stand in a config file.
  if (spec === undefined || spec.flag === null || error.details.source !== 'command line') return error.message;
  return `--${spec.flag}: expected ${expected}, got ${JSON.stringify(value)}`;
}

/** What looks like no script may be a verb that was misspelt. */
function verbHint({ code, details }: EvenerError, argv: readonly string[]): string {
  if (code !== 'EVENER_APP_NOT_FOUND') return '';
  const [first = ''] = argv;
  const log = argv.indexOf('--access-log');
  if (log !== -1 && argv[log + 1] === details.name) return `; a file before the script: --access-log=${argv[log + 1]}`;
  // A config file may name it.
  if (details.name !== first) return '';
  const near = MEANT.get(first) ?? nearestName(first, [...Object.keys(VERBS), 'check', 'init', 'proxy']);
  return near === null ? '' : `; did you mean evener ${near}?`;
}

/** What other commands call what is said otherwise here. */
const MEANT: ReadonlyMap<string, string> = new Map([
  ['start', '<script>'],
  ['help', '--help'],
  ['version', '--version'],
  ['list', 'status'],
]);

/** Where lines of our own go. */
let lines: ReturnType<typeof lastingOutput> | null = null;

function say(line: string): void {
  lines ??= lastingOutput(process.stderr);
  lines.write(`evener: ${line}\n`);
}

async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.once('drain', resolve).once('error', resolve).once('close', resolve);
    setTimeout(resolve, FLUSH_LIMIT_MS);
  });
}
