/**
 * Where the workers of an app listen, as far as a reload has to wait for it. What one worker alone has listened on may be its
 * own, as a port that it has found free: nobody comes there for the app.
 */
export class AppPlaces {
  /** By place, the first worker there. */
  readonly #first = new Map<string, number>();
  /** Where others have listened, too. */
  readonly #shared = new Set<string>();
  /** Where workers of the last generation do not listen, though those before them did. */
  readonly #givenUp = new Set<string>();

  /** @param incarnation of the worker */
  listened(place: string, incarnation: number): void {
    const first = this.#first.get(place);
    if (first === undefined) this.#first.set(place, incarnation);
    else if (first !== incarnation) this.#shared.add(place);
  }

  /** Nobody listens there any more. */
  closed(place: string): void {
    this.#first.delete(place);
    this.#shared.delete(place);
  }

  /** Workers of another version start. */
  beginGeneration(): void {
    this.#givenUp.clear();
  }

  /** Its new workers do not listen there. */
  giveUp(places: readonly string[]): void {
    for (const place of places) this.#givenUp.add(place);
  }

  /** Of these those that a new worker is waited for at. */
  wanted(places: readonly string[]): readonly string[] {
    return places.filter((place) => this.#shared.has(place) && !this.#givenUp.has(place));
  }
}
