import { EvenerError } from '../core/evener-error.ts';

/** How the API says no: every code with its status. Codes are API; the wording of a message is not. */
export const API_ERRORS = {
  /** The request makes no sense: its body, or a parameter. */
  BAD_REQUEST: 400,
  /** The token is missing or wrong. */
  UNAUTHORIZED: 401,
  /** It came from where it may not come from: another site's page, a name that is not ours. */
  FORBIDDEN: 403,
  /** There is no such path, or no such worker. */
  NOT_FOUND: 404,
  /** The path is there, with another method. */
  METHOD_NOT_ALLOWED: 405,
  /** It cannot be done as things stand now. */
  CONFLICT: 409,
  /** The body is larger than 64 KiB. */
  TOO_LARGE: 413,
  /** A reload, or a restart, was given up: the workers of before go on. */
  RELOAD_FAILED: 500,
  /** Something of ours is broken. */
  INTERNAL: 500,
  /** It is not running: it has not come up yet, or is about to end. */
  NOT_RUNNING: 503,
  /** So many streams are open that another one is refused. */
  TOO_MANY_STREAMS: 503,
} as const;
export type ApiErrorCode = keyof typeof API_ERRORS;

/** An error that is answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  /** Plain data for programs; null where there is none. */
  readonly details: object | null;

  constructor(code: ApiErrorCode, message: string, details: object | null = null) {
    super(message);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return API_ERRORS[this.code];
  }

  toJSON(): object {
    const { code, message, details } = this;
    return { error: details === null ? { code, message } : { code, message, details } };
  }
}

/** Any failure as the API tells it. Of what is not meant for people nothing is told. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof EvenerError)) return new ApiError('INTERNAL', 'something went wrong inside Evener');
  switch (error.code) {
    case 'EVENER_NOT_RUNNING':
      return new ApiError('NOT_RUNNING', error.message);
    case 'EVENER_RELOAD_FAILED':
    case 'EVENER_APP_NOT_FOUND':
      return new ApiError('RELOAD_FAILED', error.message, evidenceOf(error));
    case 'EVENER_CONFIG_INVALID':
      return new ApiError('RELOAD_FAILED', `the configuration is not valid: ${error.message}`);
    case 'EVENER_USAGE':
      return new ApiError('BAD_REQUEST', error.message);
    default:
      return new ApiError('CONFLICT', error.message);
  }
}

function evidenceOf({ details }: EvenerError): object | null {
  const { output, judged } = details;
  const evidence = { ...(Array.isArray(output) ? { output } : {}), ...(Array.isArray(judged) ? { judged } : {}) };
  return Object.keys(evidence).length === 0 ? null : evidence;
}
