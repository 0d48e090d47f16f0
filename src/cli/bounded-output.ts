// Output to a reader that may have stopped reading. The queue is bounded; the oldest text is dropped first, so the last lines are kept.

import type { OutputStream } from './io.js';

/** The part of `process.stdout` that is needed. */
export interface ReadStream {
  readonly isTTY?: boolean;
  readonly writableLength: number;
  write(text: string, written?: () => void): boolean;
  on(event: 'drain' | 'error', listener: () => void): unknown;
}

export interface BoundedOutputOptions {
  /** Limit of the queued text in bytes, in addition to what the stream itself holds. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Makes the text that replaces dropped texts. */
  readonly leftOut: (count: number) => string;
}

const MAX_BYTES = 1024 * 1024;
/** In bytes. While the stream holds at most this much, texts are written directly; if it holds more, nobody seems to be reading. */
const DIRECT_BYTES = 65_536;
/** How long `flush` waits for a reader, in milliseconds. */
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
    // The reader has gone, so there is nowhere to report this, but streams continue.
    stream.on('error', () => {
      this.#broken = true;
      this.#waiting = [];
      this.#waitingBytes = 0;
    });
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Number of bytes queued here. */
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

  /** Resolves when everything has been written, or when nobody has read for a while. */
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

  /** Drops a quarter at a time, because removing single texts from the front of a long array moves all the others. */
  #dropOldest(): void {
    let count = 0;
    while (count < this.#waiting.length - 1 && this.#waitingBytes > this.#maxBytes * 0.75) {
      this.#waitingBytes -= Buffer.byteLength(this.#waiting[count++] ?? '');
    }
    this.#waiting.splice(0, count);
    this.#dropped += count;
  }
}
