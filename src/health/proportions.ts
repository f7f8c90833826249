/**
 * Fisher's exact test, one-sided (R. A. Fisher, "The Design of Experiments", 1935): how likely it is that chance alone gives
 * the first sample so many hits, or more, if hits were dealt out over both samples without regard. Exact also for a handful
 * of hits, where the usual test of two proportions is not.
 *
 * @param hits of `size` in the first sample
 * @returns 0-1; 1 where the first sample has no larger share of hits than the second
 */
export function chanceOfAsMany(hits: number, size: number, otherHits: number, otherSize: number): number {
  if (size === 0 || otherSize === 0 || hits * otherSize <= otherHits * size) return 1;
  const all = size + otherSize;
  const allHits = hits + otherHits;
  const most = Math.min(allHits, size);
  let term = Math.exp(logChoose(allHits, hits) + logChoose(all - allHits, size - hits) - logChoose(all, size));
  let sum = 0;
  // From above the mean on terms fall: what is left out is too small to matter.
  for (let x = hits; x <= most && term > sum * 1e-12; x++) {
    sum += term;
    term *= ((allHits - x) * (size - x)) / ((x + 1) * (all - allHits - size + x + 1));
  }
  return Math.min(1, sum);
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Of small numbers by adding up, of others by Stirling's series, which is off by less than 1e-9 there. */
function logFactorial(n: number): number {
  if (n < 32) {
    let sum = 0;
    for (let i = 2; i <= n; i++) sum += Math.log(i);
    return sum;
  }
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3);
}
