// A body that is too large to be read into memory before it is sent.

export interface StoredBody {
  /** Bytes. */
  readonly length: number;
  /**
   * Fills `into` with the bytes from `start` on. The buffer may be reused once the promise has settled. Rejects if the bytes can no longer be
   * read.
   */
  read(start: number, into: Buffer): Promise<void>;
}
