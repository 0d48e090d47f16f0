// Splits an FLV byte stream into tags. The built-in demo publisher reads its test pattern from an FFmpeg that writes FLV.
import { ChunkQueue } from '../bytes/chunk-queue.js';
import { SluiceError } from '../errors.js';
import { flvError } from './errors.js';
import {
  FLV_HEADER_SIZE,
  FLV_MAX_BODY_SIZE,
  FLV_PREVIOUS_TAG_SIZE,
  FLV_TAG_HEADER_SIZE,
  FLV_TAG_NUMBERS,
  type FlvTag,
  type FlvTagType,
} from './flv-tag.js';

/** E.4.1: the upper bits of the tag type byte are Filter and reserved. */
const TAG_TYPE_MASK = 0x1f;

export interface FlvReaderLimits {
  /** Limit of the body of one tag, in bytes. */
  readonly maxBodySize: number;
}

/** Sans-IO. The input may be split anywhere; a tag inside one chunk is a view of it, otherwise its body is copied once. */
export class FlvReader {
  readonly #queue = new ChunkQueue();
  readonly #maxBodySize: number;
  #headerSize: number | undefined;
  #failure: SluiceError | undefined;

  constructor(limits: Partial<FlvReaderLimits> = {}) {
    this.#maxBodySize = limits.maxBodySize ?? FLV_MAX_BODY_SIZE;
  }

  push(bytes: Buffer): void {
    if (this.#failure === undefined) this.#queue.push(bytes);
  }

  /**
   * The next audio, video or script tag, or undefined if more bytes are needed. Tags of other types are skipped. PreviousTagSize is not
   * checked, because writers get it wrong and nothing needs it.
   * @throws flv.header, flv.tag-size; again at each later call, because the next tag cannot be found any more
   */
  next(): FlvTag | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#next();
    } catch (error) {
      if (error instanceof SluiceError) {
        this.#failure = error;
        this.#queue.clear();
      }
      throw error;
    }
  }

  #next(): FlvTag | undefined {
    if (!this.#skipHeader()) return undefined;
    for (;;) {
      if (this.#queue.length < FLV_TAG_HEADER_SIZE) return undefined;
      const head = this.#queue.peek(0, FLV_TAG_HEADER_SIZE);
      const size = head.readUIntBE(1, 3);
      if (size > this.#maxBodySize) {
        throw flvError('flv.tag-size', `got a tag of ${size} bytes, expected at most ${this.#maxBodySize}`);
      }
      if (this.#queue.length < FLV_TAG_HEADER_SIZE + size + FLV_PREVIOUS_TAG_SIZE) return undefined;
      // TimestampExtended holds the upper byte and follows the lower three.
      const timestamp = head.readUIntBE(4, 3) + head.readUInt8(7) * 0x100_0000;
      const type = tagType(head.readUInt8(0) & TAG_TYPE_MASK);
      this.#queue.skip(FLV_TAG_HEADER_SIZE);
      const body = this.#queue.take(size);
      this.#queue.skip(FLV_PREVIOUS_TAG_SIZE);
      if (type !== undefined) return { type, timestamp, body };
    }
  }

  /** FLV 10.1 E.2: the header contains its own size, so that later versions can extend it. */
  #skipHeader(): boolean {
    if (this.#headerSize === undefined) {
      if (this.#queue.length < FLV_HEADER_SIZE) return false;
      const header = this.#queue.peek(0, FLV_HEADER_SIZE);
      const size = header.readUInt32BE(5);
      if (header.toString('latin1', 0, 3) !== 'FLV' || size < FLV_HEADER_SIZE || size > FLV_MAX_BODY_SIZE) {
        throw flvError('flv.header', `got ${header.toString('hex')}, expected "FLV", a version, flags and the size 9`);
      }
      this.#headerSize = size + FLV_PREVIOUS_TAG_SIZE;
    }
    this.#headerSize -= this.#queue.skip(this.#headerSize);
    return this.#headerSize === 0;
  }
}

function tagType(number: number): FlvTagType | undefined {
  switch (number) {
    case FLV_TAG_NUMBERS.audio:
      return 'audio';
    case FLV_TAG_NUMBERS.video:
      return 'video';
    case FLV_TAG_NUMBERS.script:
      return 'script';
    default:
      return undefined;
  }
}
