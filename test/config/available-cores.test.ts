import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availableCores, type FileReader } from '../../src/config/available-cores.ts';

function files(contents: Record<string, string>): FileReader {
  return (path) => contents[path] ?? null;
}

test('is what the scheduler allows where there is no quota', () => {
  assert.equal(availableCores(8, files({})), 8);
  assert.equal(availableCores(8, files({ '/proc/self/cgroup': '0::/\n' })), 8);
  assert.equal(
    availableCores(8, files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' })),
    8,
  );
});

test('rounds a version 2 quota up', () => {
  const quota = (text: string): FileReader =>
    files({ '/proc/self/cgroup': '0::/app.slice\n', '/sys/fs/cgroup/app.slice/cpu.max': text });
  assert.equal(availableCores(8, quota('200000 100000\n')), 2);
  assert.equal(availableCores(8, quota('150000 100000\n')), 2);
  assert.equal(availableCores(8, quota('10000 100000\n')), 1);
  assert.equal(availableCores(2, quota('600000 100000\n')), 2);
  assert.equal(availableCores(8, quota('nonsense')), 8);
});

test('takes the tightest quota of its group and those above', () => {
  const read = files({
    '/proc/self/cgroup': '0::/a/b/c\n',
    '/sys/fs/cgroup/a/cpu.max': '300000 100000\n',
    '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/a/b/c/cpu.max': '500000 100000\n',
  });
  assert.equal(availableCores(16, read), 3);
});

test('finds the quota of a container whose group path is the host’s', () => {
  const read = files({ '/proc/self/cgroup': '0::/docker/4f2a\n', '/sys/fs/cgroup/cpu.max': '200000 100000\n' });
  assert.equal(availableCores(16, read), 2);
});

test('reads version 1', () => {
  const group = '9:memory:/x\n4:cpu,cpuacct:/docker/ab\n1:name=systemd:/x\n0::/\n';
  const read = (folder: string, quota: string): FileReader =>
    files({
      '/proc/self/cgroup': group,
      [`${folder}/docker/ab/cpu.cfs_quota_us`]: quota,
      [`${folder}/docker/ab/cpu.cfs_period_us`]: '100000\n',
    });
  assert.equal(availableCores(16, read('/sys/fs/cgroup/cpu', '250000\n')), 3);
  assert.equal(availableCores(16, read('/sys/fs/cgroup/cpu,cpuacct', '250000\n')), 3);
  assert.equal(availableCores(16, read('/sys/fs/cgroup/cpu', '-1\n')), 16);
});

test('is at least 1 on the real machine', () => {
  assert.ok(availableCores() >= 1);
});
