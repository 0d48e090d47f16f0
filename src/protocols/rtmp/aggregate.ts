// Splits an aggregate message into its sub-messages. Flash Media Live Encoder packs several media messages into one.

import { CHUNK_STREAM, MESSAGE_TYPE } from './message-types.js';
import type { AggregateMessage, RawMessage } from './messages.js';

/** Type 1, size 3, timestamp 3 + 1, stream id 3: an FLV tag header (7.1.6). */
const SUB_HEADER_BYTES = 11;
const BACK_POINTER_BYTES = 4;

/**
 * Types that encoders pack. Control messages are not allowed: ten thousand pings would fit into one message, and each would be answered. A
 * nested aggregate would only cause unbounded recursion.
 */
const PACKED: ReadonlySet<number> = new Set([
  MESSAGE_TYPE.audio,
  MESSAGE_TYPE.video,
  MESSAGE_TYPE.dataAmf0,
  MESSAGE_TYPE.dataAmf3,
  MESSAGE_TYPE.commandAmf0,
  MESSAGE_TYPE.commandAmf3,
]);

/** RTMP 1.0 7.1.6. A truncated sub-message ends the iteration; the sub-messages before it stay valid. */
export class AggregateReader {
  readonly #message: AggregateMessage;
  #position = 0;
  #firstTimestamp: number | undefined;

  constructor(message: AggregateMessage) {
    this.#message = message;
  }

  /**
   * Returns the next sub-message with media, data or a command in it. Timestamps are shifted so that the first sub-message has the
   * timestamp of the aggregate.
   *
   * The body is copied, although it was already copied once: a view would keep the whole aggregate in memory, and a peer could then make us
   * hold 10 MB for a frame that counts as 10 bytes.
   */
  next(): RawMessage | undefined {
    const { body, timestamp, messageStreamId } = this.#message;
    for (;;) {
      const position = this.#position;
      const start = position + SUB_HEADER_BYTES;
      if (start > body.length) return undefined;
      const end = start + body.readUIntBE(position + 1, 3);
      if (end > body.length) return undefined;
      const subTimestamp = body.readUIntBE(position + 4, 3) + body.readUInt8(position + 7) * 0x1000000;
      const first = this.#firstTimestamp ?? subTimestamp;
      this.#firstTimestamp = first;
      const type = body.readUInt8(position);
      this.#position = end + BACK_POINTER_BYTES;
      if (start === end || !PACKED.has(type)) continue;
      return {
        chunkStreamId: CHUNK_STREAM.video,
        timestamp: (timestamp + subTimestamp - first) >>> 0,
        type,
        messageStreamId,
        body: Buffer.from(body.subarray(start, end)),
      };
    }
  }
}
