import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

/** What Node's own parser made of a request. */
export interface NodeReading {
  /** null = its head is not complete, or was refused. */
  head: NodeHead | null;
  body: string;
  /** Names and values of the trailers, in turn. */
  trailers: string[];
  isComplete: boolean;
  /** Code of the refusal, such as HPE_INVALID_CHUNK_SIZE; '' = none. */
  error: string;
}

export interface NodeHead {
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly method: number;
  readonly target: string;
  /** Names and values, in turn. */
  readonly fields: readonly string[];
  readonly isUpgrade: boolean;
  readonly keepAlive: boolean;
}

/** The part of Node's parser that is called here. Its callbacks lie under numbers that the class itself names. */
interface HttpParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | (Error & { readonly code: string });
  close(): void;
  [callback: number]: unknown;
}
interface HttpParserClass {
  new (): HttpParser;
  readonly REQUEST: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

/** Node's own request parser (llhttp), to compare ours with. */
export class NodeParser {
  readonly #parserClass: HttpParserClass;

  private constructor(parserClass: HttpParserClass) {
    this.#parserClass = parserClass;
  }

  /** The class is not exported; the socket of a live server has one of its objects. */
  static async find(): Promise<NodeParser> {
    const server = http.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const client = net.connect(port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [net.Socket & { readonly parser: HttpParser }];
    const parserClass = socket.parser.constructor as unknown as HttpParserClass;
    client.destroy();
    socket.destroy();
    server.close();
    return new NodeParser(parserClass);
  }

  /** Feeds one request, in these pieces, until it is complete or refused. */
  read(...pieces: Buffer[]): NodeReading {
    const { REQUEST, kOnHeaders, kOnHeadersComplete, kOnBody, kOnMessageComplete } = this.#parserClass;
    const reading: NodeReading = { head: null, body: '', trailers: [], isComplete: false, error: '' };
    const fields: string[] = [];
    let target = '';
    const parser = new this.#parserClass();
    parser.initialize(REQUEST, {});
    // Called with 32 pairs at a time, and with the trailers.
    parser[kOnHeaders] = (lines: string[], url: string) => {
      if (reading.head === null) {
        fields.push(...lines);
        target += url;
      } else {
        reading.trailers.push(...lines);
      }
    };
    parser[kOnHeadersComplete] = (
      majorVersion: number,
      minorVersion: number,
      lines: string[] | undefined,
      method: number,
      url: string | undefined,
      _status: number,
      _reason: string,
      isUpgrade: boolean,
      keepAlive: boolean,
    ) => {
      fields.push(...(lines ?? []));
      target += url ?? '';
      reading.head = { majorVersion, minorVersion, method, target, fields, isUpgrade, keepAlive };
      return 0;
    };
    parser[kOnBody] = (piece: Buffer) => {
      reading.body += piece.toString('latin1');
    };
    parser[kOnMessageComplete] = () => {
      reading.isComplete = true;
    };
    for (const piece of pieces) {
      const result = parser.execute(piece);
      if (result instanceof Error) reading.error = result.code;
      if (reading.isComplete || reading.error !== '') break;
    }
    parser.close();
    return reading;
  }
}
