#!/usr/bin/env node
import { startAhead } from '../start-ahead.ts';
import { startsAnApp } from './command-words.ts';

const argv = process.argv.slice(2);
// The first process of a container may hand itself over to a shell before it starts anything.
if (process.pid !== 1 && startsAnApp(argv)) startAhead();

// Loaded while the thread starts.
const { runCommand } = await import('./command.ts');
process.exit(await runCommand(argv));
