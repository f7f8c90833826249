import { Endpoint } from '../../src/pool/endpoint.ts';

/** An endpoint that carries nothing, in no pool. */
export function bareEndpoint(id: number): Endpoint<null> {
  return new Endpoint(id, null, () => {});
}
