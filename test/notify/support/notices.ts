import type { Notice, NoticedIncident } from '../../../src/notify/notice.ts';

export function incidentOf(more: Partial<NoticedIncident> = {}): NoticedIncident {
  return {
    id: 'abc-1',
    openedAt: '2026-11-24T06:00:00.000Z',
    updatedAt: '2026-11-24T06:00:05.000Z',
    closedAt: null,
    kind: 'worker-died',
    severity: 'warning',
    app: 'shop',
    worker: 1,
    cause: 'exit code 1',
    evidence: { pid: 71, inFlight: [] },
    decision: 'it is restarted at once',
    recovery: null,
    count: 1,
    dedupKey: 'worker-died:shop/1',
    ...more,
  };
}

export function noticeOf(type: Notice['type'] = 'opened', more: Partial<NoticedIncident> = {}): Notice {
  const over = { closedAt: '2026-11-24T06:00:12.000Z', recovery: 'pid 72 stays up' };
  const incident = incidentOf(type === 'recovered' ? { ...over, ...more } : more);
  return { type, incident, sender: { name: 'shop', host: 'web-1' } };
}
