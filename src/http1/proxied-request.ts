import { TOKEN } from './characters.ts';
import { Method } from './methods.ts';
import { proxiedTrailers } from './proxied-response.ts';
import { Framing } from './request-head.ts';

/** Length of ` HTTP/1.1` CRLF, the end of a request line. */
const VERSION_LENGTH = 11;

/** What is asked of a request. The lines have been checked when they came in. */
export interface RequestLines {
  readonly method: number;
  readonly minorVersion: number;
  /** From the request line to the CRLF of the last field. */
  readonly lines: string;
  readonly targetOffset: number;
  readonly targetLength: number;
  readonly wantsUpgrade: boolean;
}

/** What the server is to know of a client's connection. One object for each. */
export interface ForwardedClient {
  /** Address without a port; null for one that has none, as on a Unix socket. */
  readonly address: string | null;
  readonly proto: 'http' | 'https';
  /** A proxy whose word on where a request comes from counts. */
  readonly isTrusted: boolean;
}

/** How the heads of one pool's requests are changed. */
export interface RequestRules {
  /** Replaces the client's Host; null = kept. */
  readonly host: string | null;
  /** Host of a request that has none (HTTP/1.0): the server's own name. */
  readonly authority: string;
  /** X-Forwarded-For, -Proto and -Host are sent. */
  readonly xForwarded: boolean;
  /** RFC 7239's Forwarded is sent. */
  readonly forwarded: boolean;
  /** Our name in Via; null = no Via. */
  readonly via: string | null;
  /** Value of `endpoint-load-metrics-format`, which asks some servers for load reports; null = not asked for. */
  readonly loadFormat: string | null;
  /** A client's own `endpoint-load-metrics-format` is passed on. */
  readonly passesLoadFormat: boolean;
}

/** First letters of the field names that matter here, in lower case. */
const MATTERS: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  'cefhkmptux'.includes(String.fromCharCode(byte | 0x20)) ? 1 : 0,
);

/**
 * Framing and routing are ours to say: no Connection field takes these away (RFC 9110 section 7.6.1). Nor what a trusted proxy
 * tells of the client, which every recipient is to know.
 */
const NEVER_NOMINATED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'close',
  'te',
  'upgrade',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** Trailers that tell of the client, in whatever spelling. */
const CLIENT_TRAILERS = /^(?:forwarded|x[-_]real[-_]ip|x[-_]forwarded[-_][^:]*):.*\r\n/gim;

/**
 * A request's head as a proxy sends it on (RFC 9110 section 7.6): what was meant for our connection with the client is
 * taken out, what the server has to know of the client is put in. One object is filled again and again.
 */
export class ProxiedRequest {
  /** The whole head, with its empty line. Latin1. */
  text = '';
  /** How the body is delimited for the server. */
  framing: Framing = Framing.None;
  /** It asks for another protocol, or is CONNECT: bytes may follow the answer. */
  isTunnel = false;
  /** Names that Connection took out, in lower case: of trailers, too. null = none. */
  nominated: Set<string> | null = null;

  #host = '';
  #hasHost = false;
  #upgrade = '';
  #asksTrailers = false;
  #forwardedFor = '';
  #forwarded = '';
  #hasProto = false;
  #hasForwardedHost = false;
  #maxForwards = -1;
  /** Said in a way that others may read otherwise (a tab behind it, zeros before it): it is written anew. -1 = it is not. */
  #length = -1;

  /** @param hasBody a body follows, or bytes of another protocol may. */
  write(request: RequestLines, hasBody: boolean, rules: RequestRules, client: ForwardedClient): void {
    const { lines, method } = request;
    this.#forget();
    const fieldsStart = request.targetOffset + request.targetLength + VERSION_LENGTH;
    const isAbsolute = lines.charCodeAt(request.targetOffset) !== 0x2f && method !== Method.Connect;
    let fields = '';
    let runStart = fieldsStart;
    let at = fieldsStart;
    while (at < lines.length) {
      const end = lines.indexOf('\r\n', at);
      if (MATTERS[lines.charCodeAt(at)] === 1 && this.#drops(lines, at, end, request, rules, client)) {
        if (runStart < at) fields += lines.slice(runStart, at);
        runStart = end + 2;
      }
      at = end + 2;
    }
    if (runStart < lines.length) fields = fields === '' ? lines.slice(runStart) : fields + lines.slice(runStart);
    if (this.nominated !== null) fields = without(fields, this.nominated);

    let target = '';
    let { authority } = rules;
    if (isAbsolute) {
      target = lines.slice(request.targetOffset, request.targetOffset + request.targetLength);
      const slashes = target.indexOf('://');
      if (slashes !== -1) {
        // RFC 9112 section 3.2.2: the target's authority counts, whatever Host says.
        const rest = target.slice(slashes + 3);
        const end = rest.search(/[/?]/);
        authority = end === -1 ? rest : rest.slice(0, end);
        this.#host = authority;
        target = originForm(end === -1 ? '' : rest.slice(end), method);
      }
    }
    const line = isAbsolute
      ? `${lines.slice(0, request.targetOffset)}${target} HTTP/1.1\r\n`
      : lines.charCodeAt(fieldsStart - 3) === 0x31
        ? lines.slice(0, fieldsStart)
        : `${lines.slice(0, fieldsStart - VERSION_LENGTH)} HTTP/1.1\r\n`;
    let head = line;
    if (rules.host !== null) head += `Host: ${rules.host}\r\n`;
    else if (!this.#hasHost) head += `Host: ${this.#host === '' ? authority : this.#host}\r\n`;
    head += fields;
    if (rules.xForwarded) head += this.#xForwardedLines(client);
    if (rules.forwarded) head += this.#forwardedLine(client);
    if (rules.via !== null) head += `Via: 1.${request.minorVersion} ${rules.via}\r\n`;
    if (rules.loadFormat !== null) head += `endpoint-load-metrics-format: ${rules.loadFormat}\r\n`;
    if (this.#maxForwards > 0) head += `Max-Forwards: ${this.#maxForwards - 1}\r\n`;
    this.#concludeFraming(request, hasBody);
    if (this.#length >= 0) head += `Content-Length: ${this.#length}\r\n`;
    if (this.framing === Framing.Chunked) head += 'Transfer-Encoding: chunked\r\n';
    if (this.isTunnel && method !== Method.Connect) head += `Connection: Upgrade\r\nUpgrade: ${this.#upgrade}\r\n`;
    // RFC 9110 section 10.1.4: only what we can do ourselves, which is to pass trailers on.
    else if (this.#asksTrailers) head += 'Connection: TE\r\nTE: trailers\r\n';
    this.text = `${head}\r\n`;
  }

  #forget(): void {
    this.framing = Framing.None;
    this.isTunnel = false;
    this.#host = '';
    this.#hasHost = false;
    this.#upgrade = '';
    this.#asksTrailers = false;
    this.#forwardedFor = '';
    this.#forwarded = '';
    this.#hasProto = false;
    this.#hasForwardedHost = false;
    this.#maxForwards = -1;
    this.#length = -1;
    this.nominated = null;
  }

  /** Whether the line is left out as it is; what it says has been noted. */
  #drops(
    lines: string,
    start: number,
    end: number,
    { method, minorVersion }: RequestLines,
    rules: RequestRules,
    client: ForwardedClient,
  ): boolean {
    const colon = lines.indexOf(':', start);
    switch (colon - start) {
      case 2:
        if (!named(lines, start, 'te')) return false;
        if (/(?:^|,)[ \t]*trailers[ \t]*(?:,|;|$)/i.test(fieldValue(lines, colon, end))) this.#asksTrailers = true;
        return true;
      case 4:
        if (!named(lines, start, 'host')) return false;
        this.#host = fieldValue(lines, colon, end);
        // Beside a target that is no path it is written anew.
        this.#hasHost = rules.host === null && lines.charCodeAt(lines.indexOf(' ') + 1) === 0x2f;
        return !this.#hasHost;
      case 6:
        // RFC 9110 section 10.1.1: of an HTTP/1.0 request it is ignored. Ours would have the server heed it.
        return minorVersion === 0 && named(lines, start, 'expect');
      case 7:
        if (!named(lines, start, 'upgrade')) return false;
        this.#upgrade =
          this.#upgrade === '' ? fieldValue(lines, colon, end) : `${this.#upgrade}, ${fieldValue(lines, colon, end)}`;
        return true;
      case 10:
        if (named(lines, start, 'connection')) {
          this.#connection(fieldValue(lines, colon, end));
          return true;
        }
        return named(lines, start, 'keep-alive');
      case 12:
        if (!named(lines, start, 'max-forwards')) return false;
        if (method !== Method.Trace && method !== Method.Options) return false;
        // RFC 9110 section 7.6.2. What is no number is passed over.
        if (!/^\d{1,9}$/.test(fieldValue(lines, colon, end))) return false;
        this.#maxForwards = Number(fieldValue(lines, colon, end));
        return true;
      case 14:
        if (named(lines, start, 'content-length')) {
          const length = Number(fieldValue(lines, colon, end));
          if (length > 0) this.framing = Framing.Length;
          if (lines.slice(colon + 1, end) === ` ${length}`) return false;
          this.#length = length;
          return true;
        }
        return named(lines, start, 'http2-settings');
      case 16:
        if (named(lines, start, 'proxy-connection')) return true;
        return this.#dropsForwarded(lines, start, colon, end, rules, client);
      case 17:
        if (named(lines, start, 'transfer-encoding')) {
          // It says "chunked" and nothing else: whatever else was refused.
          this.framing = Framing.Chunked;
          return true;
        }
        return this.#dropsForwarded(lines, start, colon, end, rules, client);
      case 28:
        // What a client asks of us is none of the server's business, unless reports are passed on.
        return !rules.passesLoadFormat && named(lines, start, 'endpoint-load-metrics-format');
      default:
        return this.#dropsForwarded(lines, start, colon, end, rules, client);
    }
  }

  /**
   * Where a request comes from, as told by the client: kept where the client is a proxy that is trusted, else taken out,
   * so that a server can rely on what it gets. Spellings with `_` are taken for the same, as servers of the CGI kind do.
   */
  #dropsForwarded(
    lines: string,
    start: number,
    colon: number,
    end: number,
    rules: RequestRules,
    client: ForwardedClient,
  ): boolean {
    const first = lines.charCodeAt(start) | 0x20;
    if (first !== 0x78 && first !== 0x66) return false;
    const name = lines.slice(start, colon).toLowerCase().replaceAll('_', '-');
    if (name !== 'forwarded' && name !== 'x-real-ip' && !name.startsWith('x-forwarded-')) return false;
    if (!client.isTrusted) return true;
    switch (name) {
      case 'x-forwarded-for':
        if (!rules.xForwarded) return false;
        this.#forwardedFor = listOf(this.#forwardedFor, fieldValue(lines, colon, end));
        return true;
      case 'forwarded':
        if (!rules.forwarded) return false;
        this.#forwarded = listOf(this.#forwarded, fieldValue(lines, colon, end));
        return true;
      case 'x-forwarded-proto':
        this.#hasProto = true;
        return false;
      case 'x-forwarded-host':
        this.#hasForwardedHost = true;
        return false;
      default:
        return false;
    }
  }

  /** RFC 9110 section 7.6.1: what Connection names goes no further. */
  #connection(value: string): void {
    for (const option of value.split(',')) {
      const name = option.trim().toLowerCase();
      if (name === '' || NEVER_NOMINATED.has(name)) continue;
      this.nominated ??= new Set();
      this.nominated.add(name);
    }
  }

  #concludeFraming(request: RequestLines, mayHaveBody: boolean): void {
    if (request.method === Method.Connect) {
      this.isTunnel = true;
      this.framing = Framing.None;
      return;
    }
    const hasBody = this.framing !== Framing.None;
    // A body that comes in a framing of another kind, such as HTTP/2's, and of unknown length.
    if (!hasBody && mayHaveBody && !request.wantsUpgrade) this.framing = Framing.Chunked;
    // RFC 9110 section 7.8: an upgrade may be ignored, and is where a body comes with it, where the client cannot take
    // it (HTTP/1.0), and for h2c, by which requests would get past us unread.
    this.isTunnel =
      request.wantsUpgrade && !hasBody && request.minorVersion === 1 && !/(?:^|,)[ \t]*h2c?\b/i.test(this.#upgrade);
  }

  #xForwardedLines(client: ForwardedClient): string {
    let text = '';
    if (client.address !== null || this.#forwardedFor !== '') {
      text += `X-Forwarded-For: ${listOf(this.#forwardedFor, client.address ?? '')}\r\n`;
    }
    if (!this.#hasProto) text += `X-Forwarded-Proto: ${client.proto}\r\n`;
    if (!this.#hasForwardedHost && this.#host !== '') text += `X-Forwarded-Host: ${this.#host}\r\n`;
    return text;
  }

  /** RFC 7239 section 4. */
  #forwardedLine(client: ForwardedClient): string {
    let element = `for=${forwardedNode(client.address)};proto=${client.proto}`;
    if (this.#host !== '') element += `;host=${isToken(this.#host) ? this.#host : `"${this.#host}"`}`;
    return `Forwarded: ${listOf(this.#forwarded, element)}\r\n`;
  }
}

/**
 * A request's trailer lines as they are sent on. Where it comes from is told in the head alone: a server that merges
 * trailers into that would take the client's word for ours.
 */
export function requestTrailers(trailers: string, nominated: ReadonlySet<string> | null): string {
  return proxiedTrailers(trailers, nominated).replace(CLIENT_TRAILERS, '');
}

/** RFC 9112 section 3.2.1; the target `*` for OPTIONS without a path, section 3.2.4. */
function originForm(pathAndQuery: string, method: number): string {
  if (pathAndQuery === '') return method === Method.Options ? '*' : '/';
  return pathAndQuery.charCodeAt(0) === 0x3f ? `/${pathAndQuery}` : pathAndQuery;
}

/** Whether the name at `start`, whose length fits, is this word of lower case. */
function named(lines: string, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = lines.charCodeAt(start + i);
    const wanted = word.charCodeAt(i);
    if (code !== wanted && (code < 0x41 || code > 0x5a || (code | 0x20) !== wanted)) return false;
  }
  return true;
}

function fieldValue(lines: string, colon: number, end: number): string {
  return lines.slice(colon + 1, end).trim();
}

function listOf(before: string, next: string): string {
  if (before === '') return next;
  return next === '' ? before : `${before}, ${next}`;
}

function without(fields: string, names: ReadonlySet<string>): string {
  let kept = '';
  for (const line of fields.split('\r\n')) {
    if (line !== '' && !names.has(line.slice(0, line.indexOf(':')).toLowerCase())) kept += `${line}\r\n`;
  }
  return kept;
}

/** RFC 7239 section 6: IPv6 addresses in brackets and quotes. */
function forwardedNode(address: string | null): string {
  if (address === null) return 'unknown';
  return address.includes(':') ? `"[${address}]"` : address;
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return true;
}
