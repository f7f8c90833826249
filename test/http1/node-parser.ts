import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

/** What Node's own parser made of a message. */
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
  /** Of a response. */
  readonly status: number;
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
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

/** Node's own parser (llhttp), to compare ours with. */
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
    return this.#readOne(this.#parserClass.REQUEST, pieces);
  }

  /** The same for a response. */
  readResponse(...pieces: Buffer[]): NodeReading {
    return this.#readOne(this.#parserClass.RESPONSE, pieces);
  }

  /** Feeds requests, one behind the other, until one is refused, asks for an upgrade, or there are no more bytes. */
  readAll(bytes: Buffer): NodeReading[] {
    const readings: NodeReading[] = [];
    const parser = this.#listen(this.#parserClass.REQUEST, () => {
      const reading = emptyReading();
      readings.push(reading);
      return reading;
    });
    const result = parser.execute(bytes);
    if (result instanceof Error) {
      if (readings.length === 0 || readings.at(-1)!.isComplete) readings.push(emptyReading());
      readings.at(-1)!.error = result.code;
    }
    parser.close();
    return readings;
  }

  #readOne(type: number, pieces: readonly Buffer[]): NodeReading {
    const reading = emptyReading();
    const parser = this.#listen(type, () => reading);
    for (const piece of pieces) {
      const result = parser.execute(piece);
      if (result instanceof Error) reading.error = result.code;
      if (reading.isComplete || reading.error !== '') break;
    }
    parser.close();
    return reading;
  }

  /** A parser that writes down what it finds; `next` gives the place for each message. */
  #listen(type: number, next: () => NodeReading): HttpParser {
    const { kOnHeaders, kOnHeadersComplete, kOnBody, kOnMessageComplete } = this.#parserClass;
    let reading: NodeReading | null = null;
    let fields: string[] = [];
    let target = '';
    const parser = new this.#parserClass();
    parser.initialize(type, {});
    // Called with 32 pairs at a time, and with the trailers.
    parser[kOnHeaders] = (lines: string[], url: string) => {
      if (reading === null) {
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
      status: number,
      _reason: string,
      isUpgrade: boolean,
      keepAlive: boolean,
    ) => {
      fields.push(...(lines ?? []));
      target += url ?? '';
      reading = next();
      reading.head = { majorVersion, minorVersion, method, target, fields, status, isUpgrade, keepAlive };
      fields = [];
      target = '';
      return 0;
    };
    parser[kOnBody] = (piece: Buffer) => {
      reading!.body += piece.toString('latin1');
    };
    parser[kOnMessageComplete] = () => {
      reading!.isComplete = true;
      reading = null;
    };
    return parser;
  }
}

function emptyReading(): NodeReading {
  return { head: null, body: '', trailers: [], isComplete: false, error: '' };
}
