import { readFileSync, readlinkSync } from 'node:fs';
import type { ActivatedSocket } from '../core/activated-socket.ts';

/** The first descriptor that is passed. SD_LISTEN_FDS_START */
const FIRST_FD = 3;
/** More are no list of sockets but a mistake. */
const MAX_SOCKETS = 256;
/** TCP_LISTEN as /proc/net/tcp writes it. */
const LISTENING = '0A';
/** __SO_ACCEPTCON, the flag of listening sockets in /proc/net/unix. */
const ACCEPTS = 0x10000;

/** Reads a file, or throws. */
type Read = (path: string) => string;

/**
 * The listening sockets that LISTEN_FDS names. Their addresses are read from /proc, since Node can ask a descriptor for
 * its address only by accepting on it. Those that do not listen are left out.
 */
export function activatedSockets(
  env: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): ActivatedSocket[] {
  const count = Math.min(MAX_SOCKETS, Number(env.LISTEN_FDS ?? 0));
  // Whoever started us may have inherited these variables; then the descriptors are not ours.
  if (!(count > 0) || Number(env.LISTEN_PID) !== pid) return [];
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  const known = listeningSockets((path) => readFileSync(path, 'latin1'));
  const sockets: ActivatedSocket[] = [];
  for (let index = 0; index < count; index++) {
    const fd = FIRST_FD + index;
    const facts = known.get(inodeOf(fd));
    if (facts !== undefined) sockets.push({ fd, name: names[index] ?? '', ...facts });
  }
  return sockets;
}

type Address = Omit<ActivatedSocket, 'fd' | 'name'>;

/** By inode. */
function listeningSockets(read: Read): Map<string, Address> {
  const sockets = new Map<string, Address>();
  for (const [file, family] of [
    ['tcp', 'IPv4'],
    ['tcp6', 'IPv6'],
  ] as const) {
    for (const line of linesOf(`/proc/self/net/${file}`, read)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state !== LISTENING) continue;
      const [address = '', port = ''] = local.split(':');
      sockets.set(inode, { host: addressText(address), port: Number.parseInt(port, 16), family, path: null });
    }
  }
  for (const line of linesOf('/proc/self/net/unix', read)) {
    const match = /^\S+ \S+ \S+ (\S+) (\S+) \S+ +(\d+) (.+)$/.exec(line);
    if (match === null || match[2] !== '0001' || !(Number.parseInt(match[1]!, 16) & ACCEPTS)) continue;
    sockets.set(match[3]!, { host: null, port: -1, family: 'unix', path: match[4]! });
  }
  return sockets;
}

function linesOf(path: string, read: Read): string[] {
  try {
    return read(path).split('\n').slice(1);
  } catch {
    return [];
  }
}

function inodeOf(fd: number): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? '';
  } catch {
    return '';
  }
}

/** Words of 32 bits, each in the machine's own order: `0100007F` is 127.0.0.1 on a little-endian one. */
function addressText(hex: string): string {
  const bytes = [...Buffer.from(hex, 'hex')];
  if (LITTLE_ENDIAN)
    for (let at = 0; at < bytes.length; at += 4) bytes.splice(at, 4, ...bytes.slice(at, at + 4).reverse());
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16));
  // The one form that Node prints, too: new URL() shortens it.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
