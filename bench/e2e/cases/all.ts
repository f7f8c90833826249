/** Every case, in the order of the performance budget. */

import type { BenchCase } from './bench-case.ts';
import { responses, uploads } from './big.ts';
import { blocked } from './blocked.ts';
import { echo } from './echo.ts';
import { express } from './express.ts';
import { idle } from './idle.ts';
import { lone } from './lone.ts';
import { reconnect } from './reconnect.ts';
import { remote } from './remote.ts';
import { rest } from './rest.ts';
import { start } from './start.ts';
import { tiny } from './tiny.ts';

export const cases: readonly BenchCase[] = [
  tiny,
  express,
  echo,
  responses,
  uploads,
  remote,
  reconnect,
  lone,
  blocked,
  idle,
  start,
  rest,
];
