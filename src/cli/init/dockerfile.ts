import type { DeployFacts, PackageManager } from './deploy-facts.ts';

/** Can hand over process 1 (22.15 and later), and is maintained for long. */
const IMAGE = 'node:24-slim';

interface Steps {
  /** Files that the install step needs. */
  readonly files: readonly string[];
  readonly install: string;
  /** Leaves out what only development needs. */
  readonly production: string;
  readonly build: string;
}

const STEPS: Readonly<Record<Exclude<PackageManager, 'none'>, Steps>> = {
  npm: {
    files: ['package.json', 'package-lock.json*'],
    install: 'npm ci',
    production: 'npm ci --omit=dev',
    build: 'npm run build && npm prune --omit=dev',
  },
  pnpm: {
    files: ['package.json', 'pnpm-lock.yaml'],
    install: 'corepack enable && pnpm install --frozen-lockfile',
    production: 'corepack enable && pnpm install --frozen-lockfile --prod',
    build: 'pnpm run build && pnpm prune --prod',
  },
  yarn: {
    files: ['package.json', 'yarn.lock'],
    install: 'corepack enable && yarn install --frozen-lockfile',
    production: 'corepack enable && yarn install --frozen-lockfile --production',
    build: 'yarn run build && yarn install --frozen-lockfile --production',
  },
};

/**
 * Arguments in a container: where clients come in and where probes do are part of its face.
 * @param host that the admin listener is reached at
 */
export function containerArgs({ args, ports, isPortAssumed, adminPort }: DeployFacts, host: string): string[] {
  const end = args.indexOf('--');
  const [ours, behind] = end === -1 ? [args, []] : [args.slice(0, end), args.slice(end)];
  const isElsewhere = (_: string, at: number): boolean => ours[at] === '--admin' || ours[at - 1] === '--admin';
  return [
    ...ours.filter((word, at) => !isElsewhere(word, at) && !word.startsWith('--admin=')),
    ...(isPortAssumed ? ['--port', String(ports[0])] : []),
    '--admin',
    `${host}:${adminPort}`,
    ...behind,
  ];
}

export function dockerfile(facts: DeployFacts): string {
  const { slug, ports, drainSeconds, hasBuild, packageManager, adminPort } = facts;
  const ready = `http://127.0.0.1:${adminPort}/readyz`;
  const probe = `fetch('${ready}').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`;
  return `# Written by: evener init docker
# Build: docker build -t ${slug} .
# Run:   docker run -p ${ports[0]}:${ports[0]} --stop-timeout ${drainSeconds + 5} ${slug}

${packageManager === 'none' ? `FROM ${IMAGE}\nWORKDIR /app\nRUN npm install evener` : stages(STEPS[packageManager], hasBuild)}
COPY --chown=node:node . .

ENV NODE_ENV=production
EXPOSE ${ports.join(' ')}
USER node
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ${JSON.stringify(['node', '-e', probe])}

# In exec form: Evener is process 1, hands signals on, and reaps what processes of the app leave behind.
ENTRYPOINT ["node_modules/.bin/evener"]
CMD ${JSON.stringify(containerArgs(facts, '127.0.0.1'))}
`;
}

export function dockerignore(): string {
  return `# Written by: evener init docker
.git
.github
node_modules
npm-debug.log*
.env
.env.*
*.pem
coverage
Dockerfile
.dockerignore
*.service
kubernetes.yaml
`;
}

function stages({ files, install, production, build }: Steps, hasBuild: boolean): string {
  const prepared = hasBuild
    ? `COPY ${files.join(' ')} ./\nRUN ${install}\nCOPY . .\nRUN ${build}`
    : `COPY ${files.join(' ')} ./\nRUN ${production}`;
  const copied = hasBuild
    ? 'COPY --from=prepared --chown=node:node /app ./'
    : 'COPY --from=prepared /app/node_modules ./node_modules';
  return `FROM ${IMAGE} AS prepared\nWORKDIR /app\n${prepared}\n\nFROM ${IMAGE}\nWORKDIR /app\n${copied}`;
}
