/**
 * Feeds the parsers and codecs with mutated input until the time is up or something is found. Every round has a seed of
 * its own, so that one can be run again by itself.
 *
 *     --seconds N   how long; default 20
 *     --seed N      of the first round; default: another one each time
 *     --rounds N    no more rounds than so many; default: as many as the time allows
 */
import { parseArgs } from 'node:util';
import { XorShift } from '../../src/core/rng.ts';
import { NodeParser } from '../http1/node-parser.ts';
import { inputOf, TARGETS } from './targets.ts';

/** Rounds between two looks at the clock. */
const BATCH = 256;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 0x7fffffff)}` },
    rounds: { type: 'string', default: 'Infinity' },
  },
});
const firstSeed = number('seed', values.seed);
const seconds = number('seconds', values.seconds);
const rounds = values.rounds === 'Infinity' ? Number.POSITIVE_INFINITY : number('rounds', values.rounds);

process.stdout.write(`fuzzing ${TARGETS.map((target) => target.name).join(', ')}; seed ${firstSeed}\n`);
const node = await NodeParser.find();
const endMs = performance.now() + seconds * 1000;
let done = 0;
let isFound = false;
while (done < rounds && !isFound && (done % BATCH !== 0 || performance.now() < endMs)) {
  isFound = !run(firstSeed + done);
  done++;
}
process.stdout.write(`${done} rounds, ${isFound ? 'one finding' : 'nothing found'}\n`);
process.exitCode = isFound ? 1 : 0;

/** One round. False when it has found something, which is printed. */
function run(seed: number): boolean {
  // Neighbouring seeds give neighbouring first numbers: spread them.
  const rng = new XorShift(Math.imul(seed + 1, 0x9e3779b1));
  for (let i = 0; i < 4; i++) rng.below(2);
  const target = TARGETS[rng.below(TARGETS.length)]!;
  const input = inputOf(target, rng);
  try {
    target.check(input, rng, node);
    return true;
  } catch (error) {
    process.stdout.write(
      `\nfound in ${target.name}, seed ${seed}\ninput ${JSON.stringify(input)}\n` +
        `hex   ${Buffer.from(input, 'latin1').toString('hex')}\n${(error as Error).stack}\n` +
        `run again with: npm run fuzz -- --seed ${seed} --rounds 1\n\n`,
    );
    return false;
  }
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name}: expected a whole number, got '${text}'\n`);
  process.exit(2);
}
