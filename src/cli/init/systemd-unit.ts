import type { DeployFacts } from './deploy-facts.ts';

/** For what comes after the drain limit, the last notices among that. */
const STOP_MARGIN_SECONDS = 15;
/** Ports below are the privileged ones. */
const FREE_PORTS = 1024;

export interface UnitFacts extends DeployFacts {
  /** Absolute path of Node. */
  readonly node: string;
  /** Absolute path of our command. */
  readonly evener: string;
  /** Name of the folder's owner; null = root. */
  readonly owner: string | null;
}

/** A unit for systemd 240 and later. */
export function systemdUnit(facts: UnitFacts): string {
  const { slug, name, args, folder, drainSeconds, node, evener, owner, ports } = facts;
  const command = [node, evener].map(quoted).join(' ');
  const needsPort = ports.some((port) => port < FREE_PORTS);
  return `# Written by: evener init systemd
# Install: sudo cp ${slug}.service /etc/systemd/system/ && sudo systemctl daemon-reload && sudo systemctl enable --now ${slug}
# Ask it:  sudo XDG_RUNTIME_DIR=/run/${slug} evener status --name ${name}

[Unit]
Description=${percent(name)} under Evener
Wants=network-online.target
After=network-online.target
# Restarts are limited by their pause, not by their number.
StartLimitIntervalSec=0

[Service]
Type=notify
# Node cannot send to systemd by itself: a child of Evener's does.
NotifyAccess=all
ExecStart=${[command, ...args.map(quoted)].join(' ')}
# Fails, and says why, where a new version does not come up; the old one goes on.
ExecReload=${command} reload --name ${quoted(name)}
WorkingDirectory=${percent(folder)}
Environment=NODE_ENV=production
${owner === null ? 'DynamicUser=yes' : `User=${owner}`}

# The first signal goes to Evener alone, which lets its workers finish; what is left at the limit is ended.
KillMode=mixed
TimeoutStopSec=${drainSeconds + STOP_MARGIN_SECONDS}
# Evener has limits of its own for starts (--boot-timeout); this one is also that of a reload.
TimeoutStartSec=10min
WatchdogSec=30
Restart=on-failure
RestartSec=2
LimitNOFILE=65536
# A worker that the kernel ends for want of memory is replaced; the rest goes on.
OOMPolicy=continue

# Sockets between Evener and its workers, and the one that "evener status" asks.
RuntimeDirectory=${slug}
RuntimeDirectoryMode=0700
Environment=XDG_RUNTIME_DIR=%t/${slug}

# What an app rarely needs. MemoryDenyWriteExecute cannot be: V8 compiles.
NoNewPrivileges=yes
${needsPort ? 'AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE' : 'CapabilityBoundingSet='}
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

/** A word of a command line, systemd.service(5): in quotes where it needs them, with nothing that systemd would expand. */
function quoted(word: string): string {
  const plain = percent(word).replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `"${plain.replace(/[\\"]/g, '\\$&')}"`;
}

/** `%` begins a specifier. */
function percent(text: string): string {
  return text.replaceAll('%', '%%');
}
