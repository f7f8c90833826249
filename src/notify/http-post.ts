import { LAZILY } from '../core/lazily.ts';
import type { Delivery, NoticeRequest } from './notifier.ts';

/** From the start to the head of the response. */
const ANSWER_LIMIT_MS = 5_000;
/** What is read of a response, for its reason. */
const MAX_ANSWER = 512;
/** Longest pause that a receiver may ask for. */
const MAX_RETRY_AFTER_MS = 600_000;

/**
 * Posts JSON, once. Every answer and every failure is a {@link Delivery}; redirects are refused, for they would carry
 * what is secret to somebody else. Neither the connection nor the timer keeps the process alive.
 */
export function postJson(
  request: NoticeRequest,
  signal: AbortSignal,
  limitMs: number = ANSWER_LIMIT_MS,
): Promise<Delivery> {
  return new Promise((resolve) => {
    const { url, headers, body } = request;
    const bytes = Buffer.from(body);
    const { request: open } = url.protocol === 'https:' ? LAZILY.https : LAZILY.http;
    const ends = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    const fail = (error: Error): void => {
      const isLate = ends.aborted && !signal.aborted;
      resolve({
        result: 'failed',
        reason: isLate ? `no answer within ${limitMs} ms` : reasonOf(error),
        retryAfterMs: null,
      });
    };
    try {
      const outgoing = open(url, {
        method: 'POST',
        agent: false,
        signal: ends,
        headers: {
          'content-type': 'application/json',
          'content-length': bytes.length,
          'user-agent': 'evener',
          connection: 'close',
          ...headers,
        },
      });
      outgoing.on('socket', (socket) => socket.unref());
      outgoing.on('error', fail);
      outgoing.on('response', (response) => {
        const { statusCode = 0, headers: fields } = response;
        let text = '';
        const done = (): void => {
          response.destroy();
          resolve(deliveryOf(statusCode, fields['retry-after'], text));
        };
        // An answer whose body hangs is an answer.
        if (statusCode >= 200 && statusCode < 300) return done();
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
          if (text.length >= MAX_ANSWER) done();
        });
        response.on('end', done);
        response.on('error', done);
        response.on('close', done);
      });
      outgoing.end(bytes);
    } catch (error) {
      // A header value that cannot be sent, for one.
      resolve({ result: 'refused', reason: reasonOf(error as Error) });
    }
  });
}

function deliveryOf(status: number, retryAfter: string | undefined, text: string): Delivery {
  if (status >= 200 && status < 300) return { result: 'delivered' };
  const said = text
    .replace(/[\s\x00-\x1f\x7f]+/g, ' ')
    .trim()
    .slice(0, 120);
  const reason = `it answered ${status}${said === '' ? '' : `: ${said}`}`;
  // RFC 9110 section 15: 408 and 425 ask for another try, 429 (RFC 6585) for a later one.
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return { result: 'failed', reason, retryAfterMs: retryAfterMs(retryAfter) };
  }
  return { result: 'refused', reason };
}

/** Seconds or a date: RFC 9110 section 10.2.3. */
function retryAfterMs(value: string | undefined): number | null {
  if (value === undefined) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  // The messages of some name the whole address.
  return code ?? error.name;
}
