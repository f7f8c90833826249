import { readdir, readFile, readlink } from 'node:fs/promises';
import { LAZILY } from '../core/lazily.ts';

/** An inspector answers at once, from a thread of its own; anything else that listens there is left alone after this. */
const ANSWER_LIMIT_MS = 250;
const LISTEN = '0A';
const ESTABLISHED = '01';
/** The answer is a list of one target; more is not an inspector's. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** An inspector that a process has open. */
export interface OpenInspector {
  readonly url: string;
  /** Connections to it: debuggers, ours not among them before we make one. */
  readonly clients: number;
}

interface TcpSocket {
  readonly address: string;
  readonly port: number;
  readonly state: string;
  readonly inode: string;
}

/**
 * The inspector of a process, found by its listening sockets and by asking each of them. Linux only.
 * @returns null when it has none open
 */
export async function findInspector(pid: number): Promise<OpenInspector | null> {
  const [sockets, inodes] = await Promise.all([tcpSockets(pid), socketInodes(pid)]);
  const own = sockets.filter((socket) => inodes.has(socket.inode));
  for (const { address, port } of own.filter(({ state }) => state === LISTEN)) {
    const url = await askForTarget(address, port);
    if (url === null) continue;
    return { url, clients: own.filter((other) => other.port === port && other.state === ESTABLISHED).length };
  }
  return null;
}

/** /proc/pid/net/tcp: `sl local rem st ... inode`, addresses in hexadecimal, each 32 bits in the machine's order. */
async function tcpSockets(pid: number): Promise<TcpSocket[]> {
  const sockets: TcpSocket[] = [];
  for (const name of ['tcp', 'tcp6']) {
    for (const line of (await read(`/proc/${pid}/net/${name}`)).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [address, port] = fields[1]?.split(':') ?? [];
      if (address === undefined || port === undefined || fields.length < 10) continue;
      sockets.push({
        address: hostOf(address),
        port: Number.parseInt(port, 16),
        state: fields[3]!,
        inode: fields[9]!,
      });
    }
  }
  return sockets;
}

/** Where to reach it: an unspecified address is reached by loopback. */
function hostOf(hex: string): string {
  if (hex.length !== 8) return '::1';
  const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return bytes.every((byte) => byte === 0) ? '127.0.0.1' : bytes.join('.');
}

async function socketInodes(pid: number): Promise<Set<string>> {
  const inodes = new Set<string>();
  try {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  } catch {
    // It has ended, or this system has no /proc.
  }
  return inodes;
}

function askForTarget(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const request = LAZILY.http.get(
      { host, port, path: '/json/list', agent: false, timeout: ANSWER_LIMIT_MS },
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
    request.on('timeout', () => request.destroy());
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

async function read(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '');
}
