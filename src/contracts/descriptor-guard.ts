// Keeps file descriptors free for streams that run already: each kind of server asks before it keeps a connection.

export interface DescriptorGuard {
  /** True when the connection that was just accepted must be closed at once. */
  refuses(): boolean;
  /** The operating system could not accept a connection, most likely for want of descriptors. */
  acceptFailed(): void;
}
