import { LAZILY } from '../core/lazily.ts';
import { TcpState, tcpSocketsOf } from './tcp-sockets.ts';

/** An inspector answers at once, from a thread of its own; anything else that listens there is left alone after this. */
const ANSWER_LIMIT_MS = 250;
/** The answer is a list of one target; more is not an inspector's. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** An inspector that a process has open. */
export interface OpenInspector {
  readonly url: string;
  /** Connections to it: debuggers, ours not among them before we make one. */
  readonly clients: number;
}

/**
 * The inspector of a process, found by its listening sockets and by asking each of them. Linux only.
 * @returns null when it has none open
 */
export async function findInspector(pid: number): Promise<OpenInspector | null> {
  const own = await tcpSocketsOf(pid);
  for (const { address, port } of own.filter(({ state }) => state === TcpState.Listen)) {
    const url = await askForTarget(address, port);
    if (url === null) continue;
    return { url, clients: own.filter((other) => other.port === port && other.state === TcpState.Established).length };
  }
  return null;
}

function askForTarget(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const request = LAZILY.http.get(
      { host, port, path: '/json/list', agent: false, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
          if (text.length > MAX_ANSWER_BYTES) request.destroy();
        });
        response.on('end', () => resolve(targetIn(text)));
        response.on('error', () => resolve(null));
      },
    );
    request.on('error', () => resolve(null));
    request.on('close', () => resolve(null));
  });
}

function targetIn(text: string): string | null {
  try {
    const [target] = JSON.parse(text) as { webSocketDebuggerUrl?: unknown }[];
    const url = target?.webSocketDebuggerUrl;
    return typeof url === 'string' && url.startsWith('ws://') ? url : null;
  } catch {
    return null;
  }
}
