// Encodes the chunks of a media message once for all viewers of a stream, without copying media.

import { EXTENDED_TIMESTAMP } from './limits.js';

/** How a message is sent. Use one object for each kind of message: the cache compares channels by identity. */
export interface MediaChannel {
  /** 2 to 63. */
  readonly chunkStreamId: number;
  /** Message type id. */
  readonly type: number;
}

/** Body of an FLV tag, in one buffer or several in order. */
export type MediaBody = Buffer | readonly Buffer[];

interface CachedChunks {
  channel: MediaChannel;
  messageStreamId: number;
  timestamp: number;
  chunkSize: number;
  chunks: readonly Buffer[];
}

/** Basic header 1, message header 11, extended timestamp 4 (RTMP 1.0 5.3.1). */
const MAX_FIRST_HEADER_BYTES = 16;

/**
 * The chunks that were made last for each body; an entry lives as long as its body. The viewers of a stream nearly always use the same
 * message stream id and chunk size, so one entry serves them all. A viewer with other values gets its own headers and replaces the entry.
 */
const lastChunks = new WeakMap<MediaBody, CachedChunks>();

/**
 * Returns the chunks of one message, to be written one after the other (writev). Bodies are split into views, never copied. Repeating a
 * call with the same arguments and the same body object costs only a look-up.
 *
 * The header is always a full one (type 0). It does not depend on what this viewer got before, so viewers can share it. The result must not
 * be modified.
 * ¶ @param timestamp u32
 * ¶ @param chunkSize bytes
 */
export function mediaChunks(
  channel: MediaChannel,
  messageStreamId: number,
  timestamp: number,
  chunkSize: number,
  body: MediaBody,
): readonly Buffer[] {
  const last = lastChunks.get(body);
  if (last === undefined) {
    const chunks = cutIntoChunks(channel, messageStreamId, timestamp, chunkSize, body);
    lastChunks.set(body, { channel, messageStreamId, timestamp, chunkSize, chunks });
    return chunks;
  }
  if (
    last.timestamp !== timestamp ||
    last.messageStreamId !== messageStreamId ||
    last.chunkSize !== chunkSize ||
    last.channel !== channel
  ) {
    // Updates the entry in place, because storing a new one in the WeakMap costs more than making the chunks.
    last.chunks = cutIntoChunks(channel, messageStreamId, timestamp, chunkSize, body);
    last.channel = channel;
    last.messageStreamId = messageStreamId;
    last.timestamp = timestamp;
    last.chunkSize = chunkSize;
  }
  return last.chunks;
}

function cutIntoChunks(
  channel: MediaChannel,
  messageStreamId: number,
  timestamp: number,
  chunkSize: number,
  body: MediaBody,
): readonly Buffer[] {
  if (Buffer.isBuffer(body) && body.length <= chunkSize) {
    return [firstHeader(channel, messageStreamId, timestamp, body.length), body];
  }
  const pieces = Buffer.isBuffer(body) ? [body] : (body as readonly Buffer[]);
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const continuation = continuationHeader(channel, timestamp);
  const chunks: Buffer[] = [firstHeader(channel, messageStreamId, timestamp, length)];
  let left = chunkSize;
  for (const piece of pieces) {
    let position = 0;
    while (position < piece.length) {
      if (left === 0) {
        chunks.push(continuation);
        left = chunkSize;
      }
      const end = Math.min(position + left, piece.length);
      chunks.push(position === 0 && end === piece.length ? piece : piece.subarray(position, end));
      left -= end - position;
      position = end;
    }
  }
  return chunks;
}

/** 5.3.1.2.1 */
function firstHeader(
  { chunkStreamId, type }: MediaChannel,
  messageStreamId: number,
  timestamp: number,
  length: number,
): Buffer {
  const extended = timestamp >= EXTENDED_TIMESTAMP;
  const field = extended ? EXTENDED_TIMESTAMP : timestamp;
  const header = Buffer.allocUnsafe(extended ? MAX_FIRST_HEADER_BYTES : MAX_FIRST_HEADER_BYTES - 4);
  // Writes by index, because the bounds-checked writers of Buffer would be the largest cost for a viewer whose timestamps differ from those
  // of others.
  header[0] = chunkStreamId;
  header[1] = field >>> 16;
  header[2] = field >>> 8;
  header[3] = field;
  header[4] = length >>> 16;
  header[5] = length >>> 8;
  header[6] = length;
  header[7] = type;
  // The only little-endian field of the protocol (5.3.1.2.5).
  header[8] = messageStreamId;
  header[9] = messageStreamId >>> 8;
  header[10] = messageStreamId >>> 16;
  header[11] = messageStreamId >>> 24;
  if (extended) header.writeUInt32BE(timestamp, 12);
  return header;
}

/** 5.3.1.2.4, with the extended timestamp that 5.3.1.3 repeats in each chunk of the message. */
function continuationHeader({ chunkStreamId }: MediaChannel, timestamp: number): Buffer {
  const extended = timestamp >= EXTENDED_TIMESTAMP;
  const header = Buffer.allocUnsafe(extended ? 5 : 1);
  header.writeUInt8(0xc0 | chunkStreamId, 0);
  if (extended) header.writeUInt32BE(timestamp, 1);
  return header;
}
