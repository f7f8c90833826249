import type https from 'node:https';
import net from 'node:net';
import type { HealthRules } from '../config/health.ts';
import { LAZILY } from '../core/lazily.ts';
import type { ServerAddress } from '../core/server-address.ts';
import { faultOf, MAX_BODY_BYTES, type Probe, type ProbeResult } from '../health/health-check.ts';
import type { UpstreamTls } from './upstream-socket.ts';

/** Checks of one server, each on a connection of its own. */
export function probeOf(address: ServerAddress, tls: UpstreamTls | null): Probe {
  return (rules, signal) =>
    new Promise((resolve) => {
      try {
        if (rules.type === 'tcp') connect(address, rules.timeoutMs, signal, resolve);
        else request(address, tls, rules, signal, resolve);
      } catch (error) {
        // A field that cannot be sent, for one.
        resolve(fault(reasonOf(error as NodeJS.ErrnoException)));
      }
    });
}

const CONNECTED: ProbeResult = { isOk: true, reason: '', status: 0 };

function fault(reason: string, status: number = 0): ProbeResult {
  return { isOk: false, reason, status };
}

function connect(
  address: ServerAddress,
  timeoutMs: number,
  signal: AbortSignal,
  resolve: (result: ProbeResult) => void,
): void {
  const where = address.path === null ? { host: address.host ?? '', port: address.port } : { path: address.path };
  const socket = net.connect(where);
  const end = (result: ProbeResult): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
    resolve(result);
  };
  const onAbort = (): void => end(fault('given up'));
  const timer = setTimeout(() => end(fault(`no connection within ${timeoutMs} ms`)), timeoutMs);
  socket.on('connect', () => end(CONNECTED));
  socket.on('error', (error) => end(fault(reasonOf(error))));
  signal.addEventListener('abort', onAbort);
}

function request(
  address: ServerAddress,
  tls: UpstreamTls | null,
  rules: HealthRules,
  signal: AbortSignal,
  resolve: (result: ProbeResult) => void,
): void {
  const options: https.RequestOptions = {
    ...(address.path === null ? { host: address.host ?? '', port: address.port } : { socketPath: address.path }),
    method: rules.method,
    path: rules.path,
    headers: { Host: rules.host ?? address.authority, 'User-Agent': 'evener', Connection: 'close' },
    agent: false,
    ...(tls === null ? {} : { secureContext: tls.context, rejectUnauthorized: tls.verifies }),
    // RFC 6066 section 3: an address is no name.
    ...(tls?.serverName && net.isIP(tls.serverName) === 0 ? { servername: tls.serverName } : {}),
  };
  const outgoing = (tls === null ? LAZILY.http : LAZILY.https).request(options);
  const end = (result: ProbeResult): void => {
    clearTimeout(timer);
    // One signal serves all checks of a server.
    signal.removeEventListener('abort', onAbort);
    outgoing.destroy();
    resolve(result);
  };
  const onAbort = (): void => end(fault('given up'));
  const timer = setTimeout(() => end(fault(`no answer within ${rules.timeoutMs} ms`)), rules.timeoutMs);
  signal.addEventListener('abort', onAbort);
  outgoing.on('error', (error) => end(fault(reasonOf(error))));
  outgoing.on('response', (response) => {
    const { statusCode = 0 } = response;
    let body = '';
    const judge = (): void => {
      const wrong = faultOf(rules, statusCode, body);
      end(wrong === null ? { isOk: true, reason: '', status: statusCode } : fault(wrong, statusCode));
    };
    if (rules.body === null) {
      judge();
      return;
    }
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
      if (body.length >= MAX_BODY_BYTES || body.includes(rules.body!)) judge();
    });
    response.on('end', judge);
    response.on('error', (error) => end(fault(reasonOf(error))));
  });
  outgoing.end();
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.message || error.code || 'failed';
}
