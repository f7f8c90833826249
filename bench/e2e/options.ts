/** Command line of the bench. */

import { parseArgs } from 'node:util';
import { type SystemName, systemNames } from './systems/system.ts';

export interface BenchOptions {
  /** Names of the cases to run; empty means all. */
  readonly cases: readonly string[];
  /** Systems to measure; empty means those that each case names itself. */
  readonly systems: readonly SystemName[];
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Write docs/bench.md and docs/bench.svg as well. */
  readonly writesDocs: boolean;
  /** Print the result kept in this file instead of measuring. */
  readonly from: string | null;
  readonly isHelp: boolean;
}

/** A wrong command line: what was given, what is allowed. The process ends with 2. */
export class UsageError extends Error {}

export const usage: string = `npm run bench -- [options]

  --case <name,...>      cases to run (default: all of them)
  --systems <name,...>   ${systemNames.join(', ')} (default: those that the case is about)
  --rounds <n>           interleaved rounds, medians are taken over them (default: 3)
  --seconds <n>          length of one measurement (default: 5)
  --write                also write docs/bench.md and docs/bench.svg
  --from <file.json>     print a result that was kept, without measuring
  --help
`;

/** Reads the arguments; throws `UsageError` for a name or number that is none. */
export function parseOptions(args: readonly string[], caseNames: readonly string[]): BenchOptions {
  const { values } = parse(args);
  return {
    cases: names('--case', values.case, caseNames),
    systems: names('--systems', values.systems, systemNames),
    rounds: count('--rounds', values.rounds ?? '3', 100),
    seconds: count('--seconds', values.seconds ?? '5', 600),
    writesDocs: values.write ?? false,
    from: values.from ?? null,
    isHelp: values.help ?? false,
  };
}

interface Parsed {
  readonly values: {
    readonly case?: string[];
    readonly systems?: string[];
    readonly rounds?: string;
    readonly seconds?: string;
    readonly write?: boolean;
    readonly from?: string;
    readonly help?: boolean;
  };
}

function parse(args: readonly string[]): Parsed {
  try {
    return parseArgs({
      args: [...args],
      options: {
        case: { type: 'string', multiple: true },
        systems: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        write: { type: 'boolean' },
        from: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function names<Name extends string>(
  option: string,
  given: readonly string[] | undefined,
  known: readonly Name[],
): Name[] {
  const wanted = (given ?? []).flatMap((text) => text.split(',')).filter((text) => text !== '');
  const unknown = wanted.find((text) => !known.some((name) => name === text));
  if (unknown !== undefined) throw new UsageError(`${option}: expected ${known.join(', ')}, got ${unknown}`);
  return known.filter((name) => wanted.includes(name));
}

function count(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new UsageError(`${option}: expected a whole number from 1 to ${most}, got ${text}`);
  }
  return value;
}
