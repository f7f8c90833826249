import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { ControlClient } from '../../src/control/client.ts';
import { type Answer, APPS, type EvenerProcess } from './evener-process.ts';
import { MAIN } from './package-scripts.ts';
import { until } from './until.ts';

export interface VerbResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command beside an instance, in the same folders as it. */
export function verb(
  evener: Pick<EvenerProcess, 'temporary'>,
  args: readonly string[],
  cwd: string = APPS,
): Promise<VerbResult> {
  const env: Record<string, string | undefined> = { ...process.env, TMPDIR: evener.temporary };
  for (const name of ['XDG_RUNTIME_DIR', 'NODE_TEST_CONTEXT', 'PWD']) delete env[name];
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { cwd, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A client of its control socket, once that is there. */
export async function controlOf(evener: EvenerProcess): Promise<ControlClient> {
  const socket = await until('the control socket', () => {
    const [directory] = evener.runtimeDirectories();
    if (directory === undefined || !readdirSync(directory).includes('control.sock')) return null;
    return join(directory, 'control.sock');
  });
  return new ControlClient(socket);
}

/** Where the admin listener is, with a slash at the end. */
export async function adminOf(evener: EvenerProcess): Promise<string> {
  const [, url] = await evener.said(/admin on (http:\/\/\S+)/);
  return url!;
}

/** One request to the API, with headers. */
export function ask(
  url: string,
  method: string,
  headers: http.OutgoingHttpHeaders = {},
  body: string = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, agent: false, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
