import { BEHAVIOURS } from './behaviours/secure.ts';
import { compare } from './support/side-by-side.ts';

compare('secure', BEHAVIOURS);
