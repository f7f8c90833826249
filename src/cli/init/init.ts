import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { EvenerError } from '../../core/evener-error.ts';
import { loadOptions, type OptionsRequest } from '../../index.ts';
import { type DeployFacts, deployFacts } from './deploy-facts.ts';
import { dockerfile, dockerignore } from './dockerfile.ts';
import type { InitWords } from './init-arguments.ts';
import { kubernetesManifests } from './kubernetes.ts';
import { systemdUnit } from './systemd-unit.ts';

interface NewFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Writes what it takes to run the app elsewhere into the current folder.
 * @returns what to print: the files, or what was done and what is left to do
 * @throws EvenerError EVENER_USAGE where a file is there already, then none is written; or where one cannot be
 */
export async function initFiles(words: InitWords, request: OptionsRequest): Promise<string> {
  const { options } = await loadOptions(request);
  const facts = deployFacts(options, words.rest, process.cwd());
  const files = filesFor(words, facts);
  if (words.stdout) return files.map(({ text }) => text).join('\n');
  const present = files.filter(({ name, text }) => existsSync(name) && !hasText(name, text));
  if (present.length > 0 && !words.force) {
    const names = present.map(({ name }) => name).join(' and ');
    throw new EvenerError('EVENER_USAGE', `${names} is there already: --force overwrites it, --stdout only prints`);
  }
  for (const file of files) write(file);
  return [...files.map(({ name }) => `wrote ${name}`), ...remarks(words, facts), ''].join('\n');
}

function hasText(name: string, text: string): boolean {
  try {
    return readFileSync(name, 'utf8') === text;
  } catch {
    return false;
  }
}

function write({ name, text }: NewFile): void {
  try {
    writeFileSync(name, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EvenerError('EVENER_USAGE', `${name} cannot be written here: ${code}; --stdout prints it`);
  }
}

function filesFor({ target }: InitWords, facts: DeployFacts): NewFile[] {
  switch (target) {
    case 'systemd':
      return [
        { name: `${facts.slug}.service`, text: systemdUnit({ ...facts, ...ourselves(), owner: ownerOf(facts) }) },
      ];
    case 'docker':
      return [
        { name: 'Dockerfile', text: dockerfile(facts) },
        { name: '.dockerignore', text: dockerignore() },
      ];
    case 'kubernetes':
      return [{ name: 'kubernetes.yaml', text: kubernetesManifests(facts) }];
  }
}

function remarks({ target }: InitWords, { isPortAssumed, isDependency, ports, packageManager }: DeployFacts): string[] {
  if (target === 'systemd') return [];
  const notes: string[] = [];
  if (isPortAssumed) {
    notes.push(
      `the app decides its port by itself: the command says --port ${ports[0]}; put it into the config to change it`,
    );
  }
  if (!isDependency && packageManager !== 'none') {
    notes.push('evener is not among the dependencies of package.json: npm install evener');
  }
  return notes;
}

/** The app's own Evener where it has one: a unit outlives the shell that a global one is found by. */
function ourselves(): { node: string; evener: string } {
  const local = resolve(join('node_modules', '.bin', 'evener'));
  return { node: process.execPath, evener: existsSync(local) ? local : realpathSync(process.argv[1]!) };
}

function ownerOf({ ownerId }: DeployFacts): string | null {
  if (ownerId === 0) return null;
  const { uid, username } = userInfo();
  return ownerId === uid ? username : String(ownerId);
}
