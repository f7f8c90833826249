import type tls from 'node:tls';
import { LAZILY } from './lazily.ts';

/** PEM; null = not given. */
export interface Certificates {
  /** Authorities that servers' certificates are checked against; null = those that Node knows. */
  readonly ca: string | null;
  /** Our own certificate with its chain and its key, for servers that ask for one. */
  readonly cert: string | null;
  readonly key: string | null;
}

/** @throws what Node throws where a certificate or a key makes no sense, or one is not the other's */
export function secureContextOf({ ca, cert, key }: Certificates): tls.SecureContext {
  return LAZILY.tls.createSecureContext({
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  });
}
