import type { SourceOptions } from '../config/upstream.ts';
import { DnsSource } from './dns-source.ts';
import { EtcdSource } from './etcd-source.ts';
import { FileSource } from './file-source.ts';
import { KubernetesSource } from './kubernetes-source.ts';
import type { Source, SourceObserver } from './source.ts';

/** One line for each kind of place where servers are found. */
export function openSource(options: SourceOptions, observer: SourceObserver): Source {
  const { address } = options;
  switch (address.kind) {
    case 'file':
      return new FileSource(address, options, observer);
    case 'dns':
    case 'srv':
      return new DnsSource(address, options, observer);
    case 'etcd':
      return new EtcdSource(address, options, observer);
    case 'kubernetes':
      return new KubernetesSource(address, options, observer);
  }
}
