// Reads what has left memory: whoever wants the same file while it is read, or still being sent, gets the same bytes.
import type { SegmentStore, StorePath } from './segment-store.js';

/** Reads under way at a time: more would only keep what is written (and the compression of playlists) waiting for a thread. */
const READS_AT_ONCE = 4;

/** Files remembered before those that nobody holds any more are forgotten. */
const REMEMBERED = 256;

export class StoredReads {
  readonly #store: SegmentStore;
  readonly #underWay = new Map<StorePath, Promise<Buffer | undefined>>();
  readonly #recent = new Map<StorePath, WeakRef<Buffer>>();
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(store: SegmentStore) {
    this.#store = store;
  }

  /** Undefined when there is no such file. @throws what the store throws */
  read(path: StorePath): Promise<Buffer | undefined> {
    const held = this.#recent.get(path)?.deref();
    if (held !== undefined) return Promise.resolve(held);
    let reading = this.#underWay.get(path);
    if (reading === undefined) {
      reading = this.#read(path).finally(() => this.#underWay.delete(path));
      this.#underWay.set(path, reading);
    }
    return reading;
  }

  async #read(path: StorePath): Promise<Buffer | undefined> {
    if (this.#running >= READS_AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running += 1;
    try {
      const body = await this.#store.read(path);
      if (body !== undefined) this.#remember(path, body);
      return body;
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #remember(path: StorePath, body: Buffer): void {
    if (this.#recent.size >= REMEMBERED) {
      for (const [old, reference] of this.#recent) if (reference.deref() === undefined) this.#recent.delete(old);
    }
    this.#recent.set(path, new WeakRef(body));
  }
}
