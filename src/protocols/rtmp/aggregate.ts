// Flash Media Live Encoder packs several media messages into one; this takes them out again, one at a time.

import { CHUNK_STREAM, MESSAGE_TYPE } from './message-types.js';
import type { AggregateMessage } from './messages.js';
import type { RawMessage } from './raw-message.js';

/** Type 1, size 3, timestamp 3 + 1, stream id 3: an FLV tag header (7.1.6). */
const SUB_HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;

/** RTMP 1.0 7.1.6. A sub-message that is cut short ends the walk; what came before it stays valid. */
export class AggregateReader {
  readonly #message: AggregateMessage;
  #position = 0;
  #firstTimestamp: number | undefined;

  constructor(message: AggregateMessage) {
    this.#message = message;
  }

  /**
   * The next sub-message, its timestamp moved so that the first one's is that of the aggregate. Its body is a copy,
   * the second one of these bytes and the only second one there is: a frame that a viewer keeps must not keep the whole
   * aggregate, or a peer could make ten bytes that are counted hold ten megabytes that are not.
   */
  next(): RawMessage | undefined {
    const { body, timestamp, messageStreamId } = this.#message;
    const start = this.#position + SUB_HEADER_BYTES;
    if (start > body.length) return undefined;
    const size = body.readUIntBE(this.#position + 1, 3);
    if (start + size > body.length) return undefined;
    const subTimestamp = body.readUIntBE(this.#position + 4, 3) + body.readUInt8(this.#position + 7) * 0x1000000;
    const first = this.#firstTimestamp ?? subTimestamp;
    this.#firstTimestamp = first;
    const type = body.readUInt8(this.#position);
    this.#position = start + size + BACK_POINTER_BYTES;
    return {
      chunkStreamId: CHUNK_STREAM.video,
      timestamp: (timestamp + subTimestamp - first) >>> 0,
      // An aggregate within an aggregate has no use but to nest without end: type 0 is nobody's.
      type: type === MESSAGE_TYPE.aggregate ? 0 : type,
      messageStreamId,
      body: Buffer.from(body.subarray(start, start + size)),
    };
  }
}
