import { BEHAVIOURS } from './behaviours/sockets.ts';
import { compare } from './support/side-by-side.ts';

compare('sockets', BEHAVIOURS);
