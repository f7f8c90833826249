import { factsOf, Outcome } from '../core/outcome.ts';
import type { Refusal } from '../link/frames.ts';

/** The error that Node's own parser would have given an app that listens for 'clientError'. */
export function clientErrorOf(outcome: Outcome): Omit<Refusal, 'connection'> {
  const { meaning } = factsOf(outcome);
  switch (outcome) {
    case Outcome.ClientHeadTooLarge:
    case Outcome.ClientTargetTooLong:
      return { code: 'HPE_HEADER_OVERFLOW', reason: 'Header overflow' };
    case Outcome.ClientHeadTimeout:
    case Outcome.ClientBodyTimeout:
      return { code: 'ERR_HTTP_REQUEST_TIMEOUT', reason: 'Request timeout' };
    case Outcome.ClientMethodUnknown:
      return { code: 'HPE_INVALID_METHOD', reason: 'Invalid method encountered' };
    case Outcome.ClientVersionUnknown:
      return { code: 'HPE_INVALID_VERSION', reason: 'Invalid HTTP version' };
    case Outcome.ClientCodingUnknown:
      return { code: 'HPE_INVALID_TRANSFER_ENCODING', reason: meaning };
    case Outcome.ClientBadBody:
      return { code: 'HPE_INVALID_CHUNK_SIZE', reason: meaning };
    case Outcome.ClientBodyTooLarge:
      return { code: 'HPE_CHUNK_EXTENSIONS_OVERFLOW', reason: 'Chunk extensions overflow' };
    default:
      return { code: 'HPE_INVALID_HEADER_TOKEN', reason: meaning };
  }
}
