import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** How long one message may take. */
const SEND_LIMIT_MS = 6_000;

/** A program that sends its arguments as one datagram to NOTIFY_SOCKET. */
interface Courier {
  readonly command: string;
  readonly args: readonly string[];
}

const PERL = `use Socket; my $to = $ENV{NOTIFY_SOCKET}; $to =~ s/^@/\\0/;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or exit 1; send($s, join("\\n", @ARGV), 0, pack_sockaddr_un($to)) or exit 1;`;

const PYTHON = `import os, socket, sys
to = os.environ["NOTIFY_SOCKET"]
to = "\\0" + to[1:] if to.startswith("@") else to
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto("\\n".join(sys.argv[1:]).encode(), to)`;

/** Node has no datagrams over Unix sockets. systemd-notify is there wherever systemd is; the others are for containers. */
const COURIERS: readonly Courier[] = [
  { command: 'systemd-notify', args: [] },
  { command: 'perl', args: ['-e', PERL] },
  { command: 'python3', args: ['-c', PYTHON] },
];

/** Sends messages to a service manager, sd_notify(3): one after the other, each by a small process. */
export class SdNotify {
  readonly #socket: string;
  readonly #troubled: (reason: string) => void;
  #courier: Courier | null | undefined;
  #waiting: (readonly string[])[] = [];
  #sending: Promise<void> | null = null;
  #isTroubled = false;

  /** @param troubled called once, when a message cannot be sent */
  constructor(socket: string, troubled: (reason: string) => void) {
    this.#socket = socket;
    this.#troubled = troubled;
  }

  /** Whether messages wait to be sent. */
  get isBusy(): boolean {
    return this.#sending !== null;
  }

  /**
   * @param lines `READY=1` and the like. A status that nobody has been told yet makes way for the next one
   */
  send(...lines: string[]): void {
    const last = this.#waiting.at(-1);
    if (last !== undefined && isStatus(last) && lines.some((line) => line.startsWith('STATUS='))) this.#waiting.pop();
    this.#waiting.push(lines);
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when everything has been sent, or after the limit. */
  async flush(limitMs: number): Promise<void> {
    if (this.#sending === null) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([this.#sending, late]);
    clearTimeout(timer);
  }

  async #sendAll(): Promise<void> {
    for (let lines = this.#waiting.shift(); lines !== undefined; lines = this.#waiting.shift()) {
      const failure = await this.#sendOne(lines);
      if (failure === null || this.#isTroubled) continue;
      this.#isTroubled = true;
      this.#troubled(failure);
    }
    this.#sending = null;
  }

  /** @returns why it could not be sent, else null */
  #sendOne(lines: readonly string[]): Promise<string | null> {
    this.#courier ??= COURIERS.find(({ command }) => isInPath(command)) ?? null;
    const courier = this.#courier;
    if (courier === null) {
      const names = COURIERS.map(({ command }) => command).join(', ');
      return Promise.resolve(`none of ${names} is there to send to NOTIFY_SOCKET`);
    }
    // What a process cannot be started for is thrown (ENOMEM) or emitted (EAGAIN).
    return new Promise<string | null>((resolve) => {
      const child = spawn(courier.command, [...courier.args, ...lines], {
        cwd: '/',
        stdio: 'ignore',
        // Ctrl-C reaches every process of the terminal's.
        detached: true,
        timeout: SEND_LIMIT_MS,
        env: { PATH: process.env.PATH, NOTIFY_SOCKET: this.#socket },
      });
      child.unref();
      child.once('error', ({ message }) => resolve(message));
      child.once('exit', (code, signal) => {
        resolve(code === 0 ? null : `${courier.command} ended with ${signal ?? `exit code ${code}`}`);
      });
    }).catch((error: Error) => error.message);
  }
}

function isStatus(lines: readonly string[]): boolean {
  return lines.every((line) => line.startsWith('STATUS='));
}

function isInPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
