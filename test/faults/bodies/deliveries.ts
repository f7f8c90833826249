import { existsSync, readFileSync } from 'node:fs';

/** What the app noted, whatever became of it. */
export class Deliveries {
  /** How often each request was begun, by its name. */
  readonly begun: ReadonlyMap<string, number>;
  /** What was wrong with requests, each with its name. */
  readonly wrong: readonly (readonly [name: string, wrong: string])[];
  /** Those of which all came. */
  readonly whole: ReadonlySet<string>;
  /** Those of which it did not, each with what came. */
  readonly short: ReadonlyMap<string, string>;
  /** Those that the app's own server broke off. */
  readonly dropped: ReadonlySet<string>;

  private constructor(lines: readonly string[]) {
    const begun = new Map<string, number>();
    const wrong: [string, string][] = [];
    const whole = new Set<string>();
    const short = new Map<string, string>();
    const dropped = new Set<string>();
    for (const line of lines) {
      const [what, id, ...text] = line.split(' ');
      if (what === 'begun') begun.set(id!, (begun.get(id!) ?? 0) + 1);
      else if (what === 'whole') whole.add(id!);
      else if (what === 'short') short.set(id!, text.join(' '));
      else if (what === 'dropped') dropped.add(id!);
      else if (what === 'wrong') wrong.push([id!, text.join(' ')]);
    }
    this.begun = begun;
    this.wrong = wrong;
    this.whole = whole;
    this.short = short;
    this.dropped = dropped;
  }

  static read(file: string): Deliveries {
    return new Deliveries(existsSync(file) ? readFileSync(file, 'latin1').split('\n').slice(0, -1) : []);
  }
}
