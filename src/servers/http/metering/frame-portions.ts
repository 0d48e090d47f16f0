// HTTP/2 in portions of a few frames (RFC 9113 section 4.1): Node makes a stream of every head that it is given, wanted or not.

import type { Milliseconds } from '../../../protocols/units.js';
import type { Abuse, Portions } from './portions.js';

const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const TYPE = { headers: 1, resetStream: 3, continuation: 9 } as const;
const END_HEADERS = 4;

/** A head costs some ten times as much as another frame. */
const HEAD_WEIGHT = 8;
const FRAME_WEIGHT = 1;
const MAX_PORTION_WEIGHT = HEAD_WEIGHT;
const MAX_PORTION_BYTES = 16_384;

/**
 * Streams that a client may reset at once, and per second in the long run: a player resets those of a rendition that it leaves,
 * and a CDN those of its viewers that leave.
 */
const RESET_BURST = 100;
const RESETS_PER_SECOND = 30;

export class FramePortions implements Portions {
  readonly #now: () => Milliseconds;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  /** Bytes of `#header` that have arrived. */
  #headerBytes = 0;
  /** Of the frame, or of the preface, that is arriving. */
  #payloadLeft = PREFACE_BYTES;
  #weight = 0;
  /** Bytes that arrived since the last cut. */
  #uncut = 0;
  /** Lengths of portions that arrived whole and were not given away. */
  #cuts: number[] = [];
  #resets = 0;
  /** When some of them were forgiven last. */
  #resetsSince: Milliseconds = 0;
  isInsideHead = false;

  /** @param now monotonic */
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
      // What is left has no cut in it, or is the rest of another piece.
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

  /** A portion ends with a frame, or inside one that is long. */
  #arrived(bytes: number): void {
    this.#uncut += bytes;
    const isFull = this.#weight >= MAX_PORTION_WEIGHT && this.#payloadLeft === 0;
    if (!isFull && this.#uncut < MAX_PORTION_BYTES) return;
    this.#cuts.push(this.#uncut);
    this.#uncut = 0;
    this.#weight = 0;
  }

  /** Those of the time since the last look. */
  #forgiveResets(): void {
    if (this.#resets === 0) return;
    const now = this.#now();
    this.#resets = Math.max(0, this.#resets - ((now - this.#resetsSince) / 1000) * RESETS_PER_SECOND);
    this.#resetsSince = now;
  }
}
