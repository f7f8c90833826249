import { EvenerError } from '../../core/evener-error.ts';
import { nearestName } from '../../core/nearest-name.ts';

export const INIT_TARGETS = ['systemd', 'docker', 'kubernetes'] as const;
export type InitTarget = (typeof INIT_TARGETS)[number];

/** `evener init docker server.js --workers 4` */
export interface InitWords {
  readonly target: InitTarget;
  /** Overwrites files that are there. */
  readonly force: boolean;
  /** Prints instead of writing. */
  readonly stdout: boolean;
  /** What the instance is to be run with. */
  readonly rest: readonly string[];
}

/** @returns null where the first word is another, or it asks for help; @throws EvenerError EVENER_USAGE */
export function initWords(argv: readonly string[]): InitWords | null {
  if (argv[0] !== 'init' || argv[1] === '--help' || argv[1] === '-h') return null;
  const target = INIT_TARGETS.find((one) => one === argv[1]);
  if (target === undefined) {
    const near = argv[1] === undefined ? null : nearestName(argv[1], INIT_TARGETS);
    const hint = near === null ? '' : ` (did you mean ${near}?)`;
    throw new EvenerError('EVENER_USAGE', `init: expected one of ${INIT_TARGETS.join(', ')}${hint}`);
  }
  const words = argv.slice(2);
  const end = words.indexOf('--');
  const ours = end === -1 ? words : words.slice(0, end);
  const behind = end === -1 ? [] : words.slice(end);
  const isOwn = (word: string): boolean => word === '--force' || word === '--stdout';
  return {
    target,
    force: ours.includes('--force'),
    stdout: ours.includes('--stdout'),
    rest: [...ours.filter((word) => !isOwn(word)), ...behind],
  };
}
