// Keeps file descriptors free for running streams: every server asks before it keeps a connection.

export interface DescriptorGuard {
  /** Whether the connection that was just accepted must be closed at once. */
  refuses(): boolean;
  /** The operating system could not accept a connection, most likely because no descriptors were left. */
  acceptFailed(): void;
}
