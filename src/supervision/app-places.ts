/**
 * Where the workers of an app listen, as far as a reload has to wait for it. What one of several workers alone has listened on is
 * its own, as a port that it has found free: nobody comes there for the app. Of an app with one worker that is not known before the
 * next one has been waited for in vain.
 */
export class AppPlaces {
  /** By place, the first worker there. */
  readonly #first = new Map<string, number>();
  /** Where others have listened, too. */
  readonly #shared = new Set<string>();
  /** Where workers of the last generation do not listen, though those before them did. */
  readonly #givenUp = new Set<string>();
  /** A worker has listened where the next one did not. */
  #haveOwn = false;

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
    for (const place of places) {
      this.#givenUp.add(place);
      if (!this.#shared.has(place)) this.#haveOwn = true;
    }
  }

  /** Of these those that a new worker is waited for at. @param isAlone its app has one worker */
  wanted(places: readonly string[], isAlone: boolean): readonly string[] {
    const isForApp = (place: string): boolean => this.#shared.has(place) || (isAlone && !this.#haveOwn);
    return places.filter((place) => isForApp(place) && !this.#givenUp.has(place));
  }
}
