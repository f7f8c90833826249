import assert from 'node:assert/strict';
import { test } from 'node:test';
import type * as api from '../../src/control/control-target.ts';
import { openApiDocument } from '../../src/control/openapi.ts';
import type { Incident } from '../../src/core/incident.ts';
import type * as page from '../../src/dashboard/page/api-types.ts';
import type { LogLine } from '../../src/observability/log-book.ts';

/** Compiles only while what the API tells is what the page reads. */
export const AGREEMENT: {
  readonly status: (told: api.Status) => page.Status;
  readonly history: (told: api.AppHistory) => page.AppHistory;
  readonly incident: (told: Incident) => page.Incident;
  readonly event: (told: api.RecordedEvent) => page.RecordedEvent;
  readonly why: (told: api.WhyReport) => page.WhyReport;
  readonly line: (told: LogLine) => page.LogLine;
} = {
  status: (told) => told,
  history: (told) => told,
  incident: (told) => told,
  event: (told) => told,
  why: (told) => told,
  line: (told) => told,
};

test('the document of the API has every path that the page asks', () => {
  const { paths } = openApiDocument('0') as { paths: Record<string, Record<string, unknown>> };
  const asked = [
    ...['/live', '/events', '/history', '/incidents', '/logs'].map((path) => [path, 'get']),
    ...['/reload', '/scale', '/stop', '/workers/{id}/restart', '/workers/{id}/drain', '/workers/{id}/why'].map(
      (path) => [path, 'post'],
    ),
  ];
  assert.deepEqual(
    asked.filter(([path, method]) => paths[path!]?.[method!] === undefined),
    [],
  );
});
