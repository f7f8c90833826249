/** Requests by the time at which something happens to them: a binary heap, the earliest on top. */
export class EventHeap {
  #times = new Float64Array(1024);
  #requests = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Infinity when there is none. */
  get earliest(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!;
  }

  push(time: number, request: number): void {
    if (this.#length === this.#times.length) this.#grow();
    const times = this.#times;
    let at = this.#length++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (times[parent]! <= time) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, time, request);
  }

  /** The request of the earliest event. */
  pop(): number {
    const times = this.#times;
    const request = this.#requests[0]!;
    const last = --this.#length;
    const time = times[last]!;
    let at = 0;
    for (let child = 1; child < last; child = 2 * at + 1) {
      if (child + 1 < last && times[child + 1]! < times[child]!) child++;
      if (times[child]! >= time) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, this.#requests[last]!);
    return request;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#requests[to] = this.#requests[from]!;
  }

  #put(at: number, time: number, request: number): void {
    this.#times[at] = time;
    this.#requests[at] = request;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    const requests = new Uint32Array(times.length);
    times.set(this.#times);
    requests.set(this.#requests);
    this.#times = times;
    this.#requests = requests;
  }
}
