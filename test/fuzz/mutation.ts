import type { Rng } from '../../src/core/rng.ts';

/** Bytes on which parsers stumble. */
const DANGEROUS = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\0',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  '0',
];

/** One of the corpus, changed in one to four places. Bytes are characters of up to 0xff. */
export function mutate(rng: Rng, corpus: readonly string[]): string {
  let text = one(rng, corpus);
  for (let left = rng.below(4); left >= 0; left--) text = mutateOnce(rng, text, corpus);
  return text;
}

/** Up to four places to split a text at, in order. */
export function places(rng: Rng, length: number): number[] {
  return Array.from({ length: rng.below(5) }, () => rng.below(length + 1)).sort((a, b) => a - b);
}

function mutateOnce(rng: Rng, text: string, corpus: readonly string[]): string {
  const at = rng.below(text.length + 1);
  const end = Math.min(text.length, at + 1 + rng.below(8));
  switch (rng.below(7)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(rng.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + one(rng, DANGEROUS) + text.slice(at);
    case 2:
      return text.slice(0, at) + one(rng, DANGEROUS) + text.slice(at + 1);
    case 3:
      return text.slice(0, at) + text.slice(end);
    case 4:
      return text.slice(0, end) + text.slice(at);
    case 5: {
      const bit = 1 << rng.below(8);
      return text.slice(0, at) + String.fromCharCode((text.charCodeAt(at) || 0) ^ bit) + text.slice(at + 1);
    }
    default: {
      const other = one(rng, corpus);
      return text.slice(0, at) + other.slice(rng.below(other.length + 1));
    }
  }
}

function one<T>(rng: Rng, choices: readonly T[]): T {
  return choices[rng.below(choices.length)]!;
}
