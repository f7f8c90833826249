import { BEHAVIOURS } from './behaviours/headers.ts';
import { compare } from './support/side-by-side.ts';

compare('headers', BEHAVIOURS);
