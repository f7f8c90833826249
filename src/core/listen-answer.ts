/** What became of an attempt to listen: where, or the system's error. */
export type ListenAnswer =
  | {
      readonly ok: true;
      /** An IP address, or the path of a Unix socket. */
      readonly address: string;
      /** -1 for a Unix socket. */
      readonly port: number;
      /** 'IPv4', 'IPv6' or 'unix'. */
      readonly family: string;
    }
  | {
      readonly ok: false;
      /** EADDRINUSE, EACCES, ... */
      readonly code: string;
      /** libuv's negative number for it. */
      readonly errno: number;
      readonly message: string;
    };
