import { BEHAVIOURS } from './behaviours/responses.ts';
import { compare } from './support/side-by-side.ts';

compare('responses', BEHAVIOURS);
