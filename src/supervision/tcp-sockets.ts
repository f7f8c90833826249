import { readdir, readFile, readlink } from 'node:fs/promises';

/** Of `state`, as the kernel has it (`include/net/tcp_states.h`). */
export const TcpState = { Established: '01', Listen: '0A' } as const;

/** A TCP socket that a process has open. */
export interface TcpSocket {
  readonly address: string;
  readonly port: number;
  readonly state: string;
  readonly inode: string;
}

/** All that this process has. Linux; elsewhere none. */
export async function tcpSocketsOf(pid: number): Promise<TcpSocket[]> {
  const [sockets, inodes] = await Promise.all([tcpSockets(pid), socketInodes(pid)]);
  return sockets.filter((socket) => inodes.has(socket.inode));
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

async function read(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '');
}
