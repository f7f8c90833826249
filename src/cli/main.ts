#!/usr/bin/env node
import { startAhead } from '../start-ahead.ts';
import { startsAnApp } from './command-words.ts';

const argv = process.argv.slice(2);
refuseMissingFolder();
// The first process of a container may hand itself over to a shell before it starts anything.
if (process.pid !== 1 && startsAnApp(argv)) startAhead();

// Loaded while the thread starts.
const { runCommand } = await import('./command.ts');
process.exit(await runCommand(argv));

/** A shell stays in a folder that was removed, and so does what it starts: from there nothing can be found. */
function refuseMissingFolder(): void {
  try {
    process.cwd();
  } catch {
    process.stderr.write(
      'evener: the current folder was removed; go to one that is there (cd "$PWD", if it was made anew)\n',
    );
    process.exit(1);
  }
}
