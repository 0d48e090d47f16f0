// Cuts HTTP/2 input into portions of a few frames (RFC 9113 section 4.1). Node creates a stream for each request head in its input, even if
// the client has reset that stream in the same input.

import type { Milliseconds } from '../../../protocols/units.js';
import type { Abuse, Portions } from './portions.js';

const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const TYPE = { headers: 1, resetStream: 3, continuation: 9 } as const;
const END_HEADERS = 4;

/** Parsing a request head costs about ten times as much as any other frame. */
const HEAD_WEIGHT = 8;
const FRAME_WEIGHT = 1;
const MAX_PORTION_WEIGHT = HEAD_WEIGHT;
const MAX_PORTION_BYTES = 16_384;

/**
 * How many streams a client may reset in a burst, and per second in the long run. Players reset streams when they switch renditions, and
 * CDNs when their viewers leave.
 */
const RESET_BURST = 100;
const RESETS_PER_SECOND = 30;

export class FramePortions implements Portions {
  readonly #now: () => Milliseconds;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  /** Number of bytes of `#header` received so far. */
  #headerBytes = 0;
  /** Bytes that are still missing of the current frame, or of the connection preface. */
  #payloadLeft = PREFACE_BYTES;
  #weight = 0;
  /** Bytes received since the last cut. */
  #uncut = 0;
  /** Lengths of the complete portions that were not taken with `next` yet. */
  #cuts: number[] = [];
  #resets = 0;
  /** When `#resets` was last reduced. */
  #resetsSince: Milliseconds = 0;
  isInsideHead = false;

  /** @param now monotonic clock */
  constructor(now: () => Milliseconds = () => performance.now()) {
    this.#now = now;
  }

  look(bytes: Buffer): Abuse | undefined {
    let position = 0;
    this.#forgiveResets();
    while (position < bytes.length) {
      const left = bytes.length - position;
      if (this.#payloadLeft > 0) {
        const taken = Math.min(left, this.#payloadLeft);
        this.#payloadLeft -= taken;
        position += taken;
        this.#arrived(taken);
        continue;
      }
      const taken = Math.min(left, HEADER_BYTES - this.#headerBytes);
      bytes.copy(this.#header, this.#headerBytes, position, position + taken);
      this.#headerBytes += taken;
      position += taken;
      this.#uncut += taken;
      if (this.#headerBytes === HEADER_BYTES) this.#beginFrame();
    }
    return this.#resets > RESET_BURST ? 'reset-streams' : undefined;
  }

  next(bytes: Buffer): number {
    const cut = this.#cuts[0];
    if (cut === undefined || cut > bytes.length) {
      // The rest contains no complete portion, or its portion continues in the next chunk.
      if (cut === undefined) this.#uncut = Math.max(0, this.#uncut - bytes.length);
      else this.#cuts[0] = cut - bytes.length;
      return bytes.length;
    }
    this.#cuts.shift();
    return cut;
  }

  #beginFrame(): void {
    const { headers, resetStream, continuation } = TYPE;
    const [type, flags = 0] = this.#header.subarray(3, 5);
    this.#headerBytes = 0;
    this.#payloadLeft = this.#header.readUIntBE(0, 3);
    if (type === headers || type === continuation) this.isInsideHead = (flags & END_HEADERS) === 0;
    if (type === resetStream) {
      if (this.#resets === 0) this.#resetsSince = this.#now();
      this.#resets++;
    }
    this.#weight += type === headers ? HEAD_WEIGHT : FRAME_WEIGHT;
    this.#arrived(0);
  }

  /** Ends a portion at the end of a frame, or inside a long frame. */
  #arrived(bytes: number): void {
    this.#uncut += bytes;
    const isFull = this.#weight >= MAX_PORTION_WEIGHT && this.#payloadLeft === 0;
    if (!isFull && this.#uncut < MAX_PORTION_BYTES) return;
    this.#cuts.push(this.#uncut);
    this.#uncut = 0;
    this.#weight = 0;
  }

  /** Reduces the count of resets by the number allowed since the last call. */
  #forgiveResets(): void {
    if (this.#resets === 0) return;
    const now = this.#now();
    this.#resets = Math.max(0, this.#resets - ((now - this.#resetsSince) / 1000) * RESETS_PER_SECOND);
    this.#resetsSince = now;
  }
}
