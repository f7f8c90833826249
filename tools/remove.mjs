// Removes a folder of what is built, so that nothing stays of sources that are no more. Argument: the folder.
import { rmSync } from 'node:fs';

rmSync(process.argv[2], { recursive: true, force: true });
