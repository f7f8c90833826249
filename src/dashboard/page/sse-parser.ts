export interface ServerSentEvent {
  readonly id: string | null;
  readonly data: string;
}

/**
 * Server-sent events from text as it comes (HTML, section 9.2.6). `EventSource` would do it all, but cannot send the
 * token in a header.
 */
export class SseParser {
  #rest = '';
  #id: string | null = null;
  #data: string[] = [];

  /** @returns the events that are complete */
  push(text: string): ServerSentEvent[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    const events: ServerSentEvent[] = [];
    for (const line of lines) {
      const event = this.#line(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (event !== null) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerSentEvent | null {
    if (line === '') {
      const event = this.#data.length === 0 ? null : { id: this.#id, data: this.#data.join('\n') };
      this.#data = [];
      return event;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'id') this.#id = value;
    return null;
  }
}
