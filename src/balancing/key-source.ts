import type { KeySource } from '../config/sticky.ts';
import { hash32 } from '../core/hash.ts';
import { cookieValues, fieldValues, queryValue } from '../http1/request-lines.ts';
import { NO_KEY } from './policy.ts';

/** What a key can be read from. */
export interface KeyBearer {
  /** The head, see {@link fieldValues}. */
  readonly lines: string;
  readonly target: string;
  readonly address: string | undefined;
}

/** The hash of a request's key; {@link NO_KEY} when it has none. */
export function keyOf(source: KeySource, request: KeyBearer): number {
  const text = keyText(source, request);
  return text === null || text === undefined || text === '' ? NO_KEY : hash32(text);
}

function keyText(source: KeySource, request: KeyBearer): string | null | undefined {
  switch (source.from) {
    case 'address':
      return request.address;
    case 'header':
      return fieldValues(request.lines, source.name)[0];
    case 'cookie':
      return cookieValues(request.lines, source.name)[0];
    case 'query':
      return queryValue(request.target, source.name);
  }
}
