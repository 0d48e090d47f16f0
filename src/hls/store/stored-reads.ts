// Reads media that has left memory. A small file is read as a whole, and concurrent requests for it share the bytes. A large file is read
// piece by piece while it is sent: a client that stops reading holds one piece, not a segment.
import type { StoredBody } from '../../contracts/stored-body.js';
import { hlsError } from '../errors.js';
import type { ByteSpan } from '../window/segment.js';
import type { SegmentStore, StorePath } from './segment-store.js';

/** Maximum number of concurrent reads: more would only delay writes (and the compression of playlists) in the thread pool. */
const READS_AT_ONCE = 4;

/** When more files than this are remembered, unused entries are dropped. */
const REMEMBERED = 256;

/** Files up to this size are read as a whole. */
const WHOLE_BYTES = 128 * 1024;

export class StoredReads {
  readonly #store: SegmentStore;
  readonly #underWay = new Map<string, Promise<Buffer>>();
  readonly #recent = new Map<string, WeakRef<Buffer>>();
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  /**
   * Undefined if there is no such file.
   * @param within only these bytes of the file
   * @throws what the store throws
   */
  async body(path: StorePath, within?: ByteSpan): Promise<Buffer | StoredBody | undefined> {
    const size = await this.#store.size(path);
    if (size === undefined) return undefined;
    const { start, end } = within ?? { start: 0, end: size };
    if (end - start <= WHOLE_BYTES) return this.#whole(path, start, end);
    return { length: end - start, read: (from, into) => this.#fill(path, start + from, into) };
  }

  #whole(path: StorePath, start: number, end: number): Promise<Buffer> {
    const key = `${path} ${start}-${end}`;
    const held = this.#recent.get(key)?.deref();
    if (held !== undefined) return Promise.resolve(held);
    let reading = this.#underWay.get(key);
    if (reading === undefined) {
      const bytes = Buffer.allocUnsafeSlow(end - start);
      reading = this.#fill(path, start, bytes)
        .then(() => this.#remember(key, bytes))
        .finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, reading);
    }
    return reading;
  }

  async #fill(path: StorePath, start: number, into: Buffer): Promise<void> {
    if (this.#running >= READS_AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running += 1;
    try {
      const bytes = await this.#store.readInto(path, start, into);
      if (bytes === into.length) return;
      // The file has become shorter since its size was determined.
      const got = bytes === undefined ? 'no file' : `${bytes} bytes`;
      throw hlsError('hls.store-read', `got ${got} at byte ${start} of ${path}, expected ${into.length} bytes`);
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #remember(key: string, bytes: Buffer): Buffer {
    if (this.#recent.size >= REMEMBERED) {
      for (const [old, reference] of this.#recent) if (reference.deref() === undefined) this.#recent.delete(old);
    }
    this.#recent.set(key, new WeakRef(bytes));
    return bytes;
  }
}
