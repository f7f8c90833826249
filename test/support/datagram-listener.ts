import { spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { until } from './until.ts';

/** Node has no datagrams over Unix sockets. Prints each message as JSON, a line each. */
const SCRIPT = `
import json, os, socket, sys
path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("\\0" + path[1:] if path.startswith("@") else path)
print("bound", flush=True)
while True:
    print(json.dumps(listener.recv(65536).decode()), flush=True)
`;

/** A real datagram socket, as a service manager's NOTIFY_SOCKET is one. */
export class DatagramListener {
  /** As they came. */
  readonly messages: string[] = [];
  #output = '';

  /** @param path `@name` for an abstract one */
  static async bind(context: TestContext, path: string): Promise<DatagramListener> {
    const listener = new DatagramListener();
    const child = spawn('python3', ['-c', SCRIPT, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    context.after(() => child.kill('SIGKILL'));
    let isBound = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (listener.#output + text).split('\n');
      listener.#output = lines.pop()!;
      for (const line of lines) {
        if (line === 'bound') isBound = true;
        else listener.messages.push(JSON.parse(line) as string);
      }
    });
    await until('the socket to be bound', () => isBound);
    return listener;
  }

  /** The first message with this line. */
  got(line: RegExp): Promise<string> {
    return until(
      () => `${line} in ${JSON.stringify(this.messages)}`,
      () => this.messages.find((message) => message.split('\n').some((one) => line.test(one))),
    );
  }
}
