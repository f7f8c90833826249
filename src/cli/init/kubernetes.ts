import type { DeployFacts } from './deploy-facts.ts';
import { containerArgs } from './dockerfile.ts';

/** So long an endpoint may still get connections after it was told to stop. */
const ENDPOINT_LAG_SECONDS = 5;
/** For what comes after the drain limit. */
const END_MARGIN_SECONDS = 10;
const PROBE_SECONDS = 5;
/** Beside the workers: the supervisor and its balancer threads. */
const OWN_MEMORY_BYTES = 128 * 1024 * 1024;
const DEFAULT_MEMORY_BYTES = 512 * 1024 * 1024;
const DEFAULT_CPUS = 2;
const MEBIBYTE = 1024 * 1024;

/** A Deployment and a Service. */
export function kubernetesManifests(facts: DeployFacts): string {
  const { slug, ports, drainSeconds, bootSeconds, workers, memoryBytes, adminPort } = facts;
  const cpus = workers ?? DEFAULT_CPUS;
  const memory = `${Math.ceil(((memoryBytes ?? DEFAULT_MEMORY_BYTES - OWN_MEMORY_BYTES) + OWN_MEMORY_BYTES) / MEBIBYTE)}Mi`;
  const grace = ENDPOINT_LAG_SECONDS + drainSeconds + END_MARGIN_SECONDS;
  const tries = Math.ceil((bootSeconds === 0 ? 600 : bootSeconds + 30) / PROBE_SECONDS);
  return `# Written by: evener init kubernetes
# The admin listener, which probes ask, can be reached from other pods: it needs a token.
#   kubectl create secret generic ${slug}-admin --from-literal=token="$(openssl rand -hex 24)"
#   kubectl apply -f kubernetes.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${slug}
  labels: { app.kubernetes.io/name: ${slug} }
spec:
  replicas: 2
  selector:
    matchLabels: { app.kubernetes.io/name: ${slug} }
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  template:
    metadata:
      labels: { app.kubernetes.io/name: ${slug} }
    spec:
      # ${ENDPOINT_LAG_SECONDS} s until no more connections come, ${drainSeconds} s (--drain-limit) for what is in flight, ${END_MARGIN_SECONDS} s for the end.
      terminationGracePeriodSeconds: ${grace}
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        fsGroup: 1000
        seccompProfile: { type: RuntimeDefault }
      containers:
        - name: ${slug}
          image: ${slug}:latest
          args: ${JSON.stringify(containerArgs(facts, '0.0.0.0'))}
          env:
            - name: EVENER_ADMIN_TOKEN
              valueFrom:
                secretKeyRef: { name: ${slug}-admin, key: token }
          ports:
${[...ports.map((port, index) => containerPort(portName(index), port)), containerPort('admin', adminPort)].join('\n')}
          # As many workers as there are CPUs in the limit, unless --workers says otherwise.
          resources:
            requests: { cpu: ${JSON.stringify(String(cpus))}, memory: ${memory} }
            limits: { cpu: ${JSON.stringify(String(cpus))}, memory: ${memory} }
          # Ready: every app has a worker that serves. Alive: Evener itself answers; that workers live it sees to itself.
          startupProbe:
            httpGet: { path: /readyz, port: admin }
            periodSeconds: ${PROBE_SECONDS}
            failureThreshold: ${tries}
          readinessProbe:
            httpGet: { path: /readyz, port: admin }
            periodSeconds: ${PROBE_SECONDS}
            failureThreshold: 2
          livenessProbe:
            httpGet: { path: /healthz, port: admin }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          lifecycle:
            preStop:
              exec: { command: ["sleep", "${ENDPOINT_LAG_SECONDS}"] }
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: ["ALL"] }
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
      volumes:
        - name: tmp
          emptyDir: {}
---
apiVersion: v1
kind: Service
metadata:
  name: ${slug}
  labels: { app.kubernetes.io/name: ${slug} }
spec:
  selector: { app.kubernetes.io/name: ${slug} }
  ports:
${ports.map((port, index) => servicePort(portName(index), index === 0 ? 80 : port)).join('\n')}
`;
}

function portName(index: number): string {
  return index === 0 ? 'http' : `http-${index}`;
}

function containerPort(name: string, port: number): string {
  return `            - { name: ${name}, containerPort: ${port} }`;
}

function servicePort(name: string, port: number): string {
  return `    - { name: ${name}, port: ${port}, targetPort: ${name} }`;
}
