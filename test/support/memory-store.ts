// A store in memory for tests. test/hls/segment-store.test.ts runs the same tests on it as on the disk store.
import type { SegmentStore, StorePath } from '../../src/hls/store/segment-store.js';

export class MemoryStore implements SegmentStore {
  readonly #files = new Map<StorePath, Buffer>();

  async write(path: StorePath, bytes: Buffer | readonly Buffer[]): Promise<void> {
    this.#files.set(path, Buffer.isBuffer(bytes) ? bytes : Buffer.concat(bytes));
  }

  async read(path: StorePath): Promise<Buffer | undefined> {
    return this.#files.get(path);
  }

  async readInto(path: StorePath, start: number, into: Buffer): Promise<number | undefined> {
    const file = this.#files.get(path);
    // `Buffer.copy` throws if the start is beyond the end.
    return file?.copy(into, 0, Math.min(start, file.length));
  }

  async size(path: StorePath): Promise<number | undefined> {
    return this.#files.get(path)?.length;
  }

  async remove(path: StorePath): Promise<void> {
    this.#files.delete(path);
  }

  async removeDirectory(): Promise<void> {
    // Nothing to do: a map has no directories.
  }

  async list(directory: StorePath): Promise<StorePath[]> {
    const prefix = directory === '' ? '' : `${directory}/`;
    return [...this.#files.keys()].filter((path) => path.startsWith(prefix)).sort();
  }
}
