import { BEHAVIOURS } from './behaviours/servers.ts';
import { compare } from './support/side-by-side.ts';

compare('servers', BEHAVIOURS);
