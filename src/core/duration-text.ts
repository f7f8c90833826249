/** A length of time for people: 85 -> '85 ms', 10000 -> '10 s', 150000 -> '2.5 min'. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${oneDecimal(ms / 1000)} s`;
  return `${oneDecimal(ms / 60_000)} min`;
}

function oneDecimal(value: number): string {
  return value.toFixed(1).replace(/\.0$/, '');
}
