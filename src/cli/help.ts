import { OPTIONS, type OptionSpec } from '../index.ts';
import { VERBS } from './verb-arguments.ts';

/** Column at which the meanings begin. */
const MEANING_COLUMN = 34;

/** What `evener --help` prints; the options come from the table that they are parsed by. */
export function helpText(): string {
  return `Usage: evener [run] <script> [options] [-- arguments for the app]
       evener [run] <command...> [options] [-- arguments for the app]
       evener [run] [options] -- <command...>
       evener proxy <url...> -p <port>    balances servers that run elsewhere
       evener [run]                       what a config file says
       evener check [--json] [...]        the options, and where each came from
       evener init systemd|docker|kubernetes [--force] [--stdout] [...]   files to run it elsewhere
       evener <verb> [--name <name>]      acts on one that runs; verbs are below

Puts an unmodified Node app on every core, keeps it up and balances its requests.
The command is looked for in node_modules/.bin, then in PATH.

Options:
${OPTIONS.filter((spec) => spec.flag !== null)
  .map(optionLine)
  .join('\n')}
${line('    --config <file>', 'default: evener.config.{ts,mts,cts,js,mjs,cjs,json} here, else ecosystem.config.*')}
${line('-h, --help', 'this text')}
${line('-v, --version', 'the version')}

Verbs, for an instance that runs (by --name, else the one of this folder, else the only one):
${Object.entries(VERBS)
  .map(([verb, { usage, meaning }]) => line(`${verb} ${usage}`.trimEnd(), meaning))
  .join('\n')}
--json prints facts for programs.

A <dur> is 500ms, 10s, 2m or 1h; a <size> is 512MB or 1GiB; off stands for no limit.

Environment:
${line('WEB_CONCURRENCY', 'workers, where --workers is not given: a number or auto')}
${line('NO_COLOR', 'no colour on a terminal')}
${line('EVENER_ADMIN_TOKEN', 'lets in at the admin listener; needed off loopback')}

Signals:
${line('SIGTERM, SIGINT, SIGQUIT', 'finish what is in flight, then end; a second one ends at once')}
${line('SIGHUP', 'replace the workers one by one')}
${line('SIGTTIN, SIGTTOU', 'one worker more, one less')}

Exit code: 0 after a clean stop or a verb that was done, 1 on failure, 2 on wrong usage.

Examples:
  evener server.js
  evener server.js --workers 4 --port 8080 -- --verbose
  evener npm start
`;
}

function optionLine(spec: OptionSpec): string {
  const flags = `${spec.short === null ? '    ' : `-${spec.short}, `}--${spec.flag} ${spec.placeholder}`.trimEnd();
  return line(flags, `${spec.meaning} (default: ${spec.default ?? spec.unset})`);
}

function line(left: string, right: string): string {
  const start = `  ${left}`;
  return start.length < MEANING_COLUMN
    ? start.padEnd(MEANING_COLUMN) + right
    : `${start}\n${' '.repeat(MEANING_COLUMN)}${right}`;
}
