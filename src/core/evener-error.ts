/** Codes of the errors that Evener throws. They are API; the wording of a message is not. */
export type EvenerErrorCode =
  /** An option, or an environment variable that stands for one, has a value it cannot have. details: key, value, expected. */
  | 'EVENER_CONFIG_INVALID'
  /** The command line cannot be understood. */
  | 'EVENER_USAGE'
  /** No script and no command of that name. details: name, looked. */
  | 'EVENER_APP_NOT_FOUND'
  /** No worker ever came up, and another try would end the same way. details: reason. */
  | 'EVENER_START_FAILED'
  /** The workers kept failing to start and `exitOnCrashLoop` is set. details: reason. */
  | 'EVENER_CRASH_LOOP'
  /** A balancer thread ended that shared its ports with others, or cannot be started again. details: reason. */
  | 'EVENER_THREAD_LOST'
  /** A reload was given up; the workers of before go on. details: reason. */
  | 'EVENER_RELOAD_FAILED'
  /** The supervisor was asked for something that its state does not allow. */
  | 'EVENER_NOT_RUNNING';

/** An error that a person will read. `details` is plain data for programs. */
export class EvenerError extends Error {
  override readonly name = 'EvenerError';
  readonly code: EvenerErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: EvenerErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
