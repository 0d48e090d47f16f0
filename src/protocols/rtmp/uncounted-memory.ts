// Memory for media that does not make V8 collect garbage. V8 collects all of it after some 8 MB of new buffers, however little there is to
// collect, and media alone would cause that once a second. It does not count shared memory, but frees it in the same collections.

/** Bytes between two collections. More would save little time, and the garbage of all connections together may have this size. */
const UNCOUNTED_BYTES = 32 * 1024 * 1024;

export class UncountedMemory {
  readonly #limit: number;
  #sinceCollection = 0;
  /** Called when memory was freed, so there was a collection. */
  readonly #freed = new FinalizationRegistry<undefined>(() => {
    this.#sinceCollection = 0;
  });

  constructor(limit = UNCOUNTED_BYTES) {
    this.#limit = limit;
  }

  /** After `limit` bytes the memory is counted, until V8 has collected garbage. Not initialized. */
  allocate(bytes: number): Buffer {
    if (this.#sinceCollection + bytes > this.#limit) return Buffer.allocUnsafeSlow(bytes);
    this.#sinceCollection += bytes;
    const memory = new SharedArrayBuffer(bytes);
    this.#freed.register(memory, undefined);
    return Buffer.from(memory);
  }
}

/** One for all connections, because V8 counts them together. */
export const uncountedMemory = new UncountedMemory();
