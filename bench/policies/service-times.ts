/** How long requests take, with a mean of 1. */

export type ServiceTimes = (random: () => number) => number;

/**
 * Lognormal with a standard deviation of 1 of its logarithm: one request in a hundred takes six times the mean, one in
 * a thousand thirteen times. Of the shape that measured web services have.
 */
export function lognormal(random: () => number): number {
  const sigma = 1;
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.exp(sigma * normal - (sigma * sigma) / 2);
}

/** The heaviest that is let in: else one request could outlast the run. */
const PARETO_MOST = 1000;
const PARETO_ALPHA = 1.5;
/** Least value that gives a mean of 1: of the law without its end, mean = alpha * least / (alpha - 1), less what is cut. */
const PARETO_LEAST = leastOf(PARETO_ALPHA, PARETO_MOST);

/** Pareto with exponent 1.5, of infinite variance but for its cut at 1,000: one request in a thousand takes 34 times the mean. */
export function pareto(random: () => number): number {
  const most = (PARETO_LEAST / PARETO_MOST) ** PARETO_ALPHA;
  return PARETO_LEAST / (1 - random() * (1 - most)) ** (1 / PARETO_ALPHA);
}

function leastOf(alpha: number, most: number): number {
  let low = 0.01;
  let high = 1;
  for (let i = 0; i < 60; i++) {
    const least = (low + high) / 2;
    const kept = 1 - (least / most) ** alpha;
    const mean = ((alpha / (alpha - 1)) * (least - least ** alpha * most ** (1 - alpha))) / kept;
    if (mean < 1) low = least;
    else high = least;
  }
  return low;
}
