const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** Whether several threads can each have a listening socket of their own on one port (`reusePort`: Node 22.12, 23.1). */
export const CAN_REUSE_PORT: boolean =
  process.platform === 'linux' && (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12));
