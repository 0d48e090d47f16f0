// Allocates message bodies as their bytes arrive, because a peer may announce 64 messages of 10 MB and send none of them.

import type { ChunkStreamState } from './chunk-header-reader.js';
import { rtmpError } from './errors.js';
import { uncountedMemory } from './uncounted-memory.js';

/** First allocation, in bytes, for a body of which little has arrived. */
const MIN_BODY_ALLOCATION = 512;

/**
 * Large bodies (coded frames) are allocated one after the other in shared blocks, because an ArrayBuffer for each costs more than copying
 * the frame. Frames are released in roughly the order in which they came, so a block lives little longer than its frames. Smaller bodies
 * come from Node's own 8 kB pool. They include all headers, which live as long as the stream.
 */
const BLOCK_BYTES = 262_144;
const SMALLEST_IN_BLOCK = 4_096;
const LARGEST_IN_BLOCK = BLOCK_BYTES / 4;

/** A connection gets a block only after it has sent this many times the size of a block, so that memory follows the bytes received. */
const RECEIVED_BLOCKS = 8;

/** The memory of all unfinished messages of one connection. */
export class ChunkBodyMemory {
  readonly #maxPendingBytes: number;
  #pendingBytes = 0;
  #allocatedBytes = 0;
  #block: Buffer | undefined;
  #blockUsed = 0;

  constructor(maxPendingBytes: number) {
    this.#maxPendingBytes = maxPendingBytes;
  }

  /** Number of bytes allocated for incomplete messages. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Makes room for at least `count` more bytes of the stream's message. The announced length is allocated at once only if the peer has
   * already sent at least half of what was ever allocated for it; otherwise the buffer doubles. So memory follows the bytes received, and
   * the body of a normal frame is still copied exactly once.
   * @param available received bytes that are not decoded yet, of this message or others
   * @param receivedBytes bytes received on the whole connection
   * @throws rtmp.pending-bytes
   */
  grow(stream: ChunkStreamState, count: number, available: number, receivedBytes: number): void {
    const length = stream.messageLength;
    const held = stream.body.length;
    const trusted =
      this.#allocatedBytes + length <= 2 * receivedBytes && this.#pendingBytes + length - held <= this.#maxPendingBytes;
    const wanted = Math.max(stream.received + Math.max(count, available), held * 2, MIN_BODY_ALLOCATION);
    const size = trusted ? length : Math.min(length, wanted);
    const pendingBytes = this.#pendingBytes + size - held;
    if (pendingBytes > this.#maxPendingBytes) {
      throw rtmpError(
        'rtmp.pending-bytes',
        `got ${pendingBytes} bytes of unfinished messages, expected at most ${this.#maxPendingBytes}`,
      );
    }
    this.#pendingBytes = pendingBytes;
    this.#allocatedBytes += size - held;
    const larger = trusted ? this.#allocate(size, receivedBytes) : Buffer.allocUnsafe(size);
    stream.body.copy(larger, 0, 0, stream.received);
    stream.body = larger;
  }

  /** Returns the stream's body, complete or abandoned, and stops counting it as pending. */
  release(stream: ChunkStreamState): Buffer {
    const body = stream.takeBody();
    this.#pendingBytes -= body.length;
    return body;
  }

  #allocate(size: number, receivedBytes: number): Buffer {
    if (size < SMALLEST_IN_BLOCK || receivedBytes < RECEIVED_BLOCKS * BLOCK_BYTES) return Buffer.allocUnsafe(size);
    if (size > LARGEST_IN_BLOCK) return uncountedMemory.allocate(size);
    if (this.#block === undefined || this.#blockUsed + size > BLOCK_BYTES) {
      this.#block = uncountedMemory.allocate(BLOCK_BYTES);
      this.#blockUsed = 0;
    }
    const start = this.#blockUsed;
    this.#blockUsed += size;
    return this.#block.subarray(start, this.#blockUsed);
  }
}
