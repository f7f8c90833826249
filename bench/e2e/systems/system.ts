/** What is measured: something that serves one app from several processes behind one port. */

export const systemNames = ['evener', 'evener-proxy', 'cluster', 'haproxy', 'nginx', 'nginx-tuned', 'node'] as const;
export type SystemName = (typeof systemNames)[number];

export interface System {
  readonly name: SystemName;
  /** As it stands in tables and charts. */
  readonly label: string;
  /** Looks for its programs on this machine. */
  find(): Finding;
  /** Starts it and waits for the first answer; on failure throws `StartFailure` and leaves nothing running. */
  start(plan: StartPlan): Promise<Running>;
}

/** The version that was found, or what is missing and how to get it. */
export type Finding = { readonly version: string } | { readonly missing: string };

export interface StartPlan {
  readonly appPath: string;
  readonly workers: number;
  /** An empty directory for what it has to write. */
  readonly scratchDir: string;
}

export interface Running {
  readonly port: number;
  /** From the launch of its first process to the first 200 on its port. */
  readonly firstAnswerMs: number;
  /** The processes of this moment, by what they do. */
  roles(): Roles;
  stop(): Promise<void>;
}

export interface Roles {
  readonly balancer: readonly number[];
  readonly workers: readonly number[];
}
