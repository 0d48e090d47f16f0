// Output that somebody may have stopped reading: what waits is bounded, the oldest of it goes first, and the end is never lost in a queue.

import type { OutputStream } from './io.js';

/** What is needed of `process.stdout`. */
export interface ReadStream {
  readonly isTTY?: boolean;
  readonly writableLength: number;
  write(text: string, written?: () => void): boolean;
  on(event: 'drain' | 'error', listener: () => void): unknown;
}

export interface BoundedOutputOptions {
  /** Text that waits, beside what the stream itself holds. Default 1 MiB. */
  readonly maxBytes?: number;
  /** What is written in place of the texts that were left out. */
  readonly leftOut: (count: number) => string;
}

const MAX_BYTES = 1024 * 1024;
/** Until so much waits in the stream, texts go there at once: after that it is known that nobody reads. */
const DIRECT_BYTES = 65_536;
/** How long the end waits for a reader. */
const FLUSH_TIMEOUT = 2_000;

export class BoundedOutput implements OutputStream {
  readonly #stream: ReadStream;
  readonly #maxBytes: number;
  readonly #leftOut: (count: number) => string;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #broken = false;

  constructor(stream: ReadStream, { maxBytes = MAX_BYTES, leftOut }: BoundedOutputOptions) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#leftOut = leftOut;
    stream.on('drain', () => this.#pump());
    // Whoever read this has left: there is nobody to tell, but streams go on.
    stream.on('error', () => {
      this.#broken = true;
      this.#waiting = [];
      this.#waitingBytes = 0;
    });
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Bytes that wait here. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  write(text: string): void {
    if (this.#broken) return;
    if (this.#waiting.length === 0 && this.#stream.writableLength < DIRECT_BYTES) {
      this.#stream.write(text);
      return;
    }
    this.#waiting.push(text);
    this.#waitingBytes += Buffer.byteLength(text);
    if (this.#waitingBytes > this.#maxBytes) this.#dropOldest();
  }

  /** Resolves when all is written, or when nobody has read for a while. */
  async flush(timeout = FLUSH_TIMEOUT): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, timeout, 'late');
    });
    while (!this.#broken) {
      const written = new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
      if ((await Promise.race([written, late])) === 'late') break;
      if (this.#waiting.length === 0 && this.#stream.writableLength === 0) break;
      this.#pump();
    }
    clearTimeout(timer);
  }

  #pump(): void {
    if (this.#dropped > 0 && this.#stream.writableLength < DIRECT_BYTES) {
      this.#stream.write(this.#leftOut(this.#dropped));
      this.#dropped = 0;
    }
    let sent = 0;
    while (sent < this.#waiting.length && this.#stream.writableLength < DIRECT_BYTES) {
      const text = this.#waiting[sent++] ?? '';
      this.#waitingBytes -= Buffer.byteLength(text);
      this.#stream.write(text);
    }
    this.#waiting.splice(0, sent);
  }

  /** A quarter at a time: taking single texts from the front of a long list moves all the others. */
  #dropOldest(): void {
    let count = 0;
    while (count < this.#waiting.length - 1 && this.#waitingBytes > this.#maxBytes * 0.75) {
      this.#waitingBytes -= Buffer.byteLength(this.#waiting[count++] ?? '');
    }
    this.#waiting.splice(0, count);
    this.#dropped += count;
  }
}
