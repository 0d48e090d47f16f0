// A body that is too large to be read into memory before it is sent.

export interface StoredBody {
  /** Bytes. */
  readonly length: number;
  /**
   * Fills `into` with the bytes from `start` on. The memory may be used again when this has settled. Rejects when the bytes
   * cannot be read any more.
   */
  read(start: number, into: Buffer): Promise<void>;
}
