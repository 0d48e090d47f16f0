// A hundred viewers of one stream are sent the same bytes; this makes a message's chunks once for all of them and copies no media.

import { EXTENDED_TIMESTAMP } from './limits.js';

/** What a message is sent as. One object for each kind: chunks made for one are not found for another. */
export interface MediaChannel {
  /** 2 to 63. */
  readonly chunkStreamId: number;
  /** Message type id. */
  readonly type: number;
}

/** Body of an FLV tag in one piece or several, in order. */
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
 * The last chunks made for a body, which live as long as the body. The viewers of a stream nearly always agree on message
 * stream and chunk size, so one entry serves them; one who does not pays for its own headers, and takes the entry over.
 */
const lastChunks = new WeakMap<MediaBody, CachedChunks>();

/**
 * The chunks of one message, to be written one after the other (writev). Bodies are cut into views, never copied; of two
 * calls with the same arguments and the same body object the second costs a look-up. The header is always a full one
 * (type 0): what it says then depends on nothing that this viewer was sent before, so that viewers can share it.
 * Nobody may write into the result.
 * @param timestamp u32.
 * @param chunkSize bytes.
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
    // The entry is changed, not replaced: a store into the weak map costs more than the chunks do.
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
  // By index: the checked writers of Buffer would cost more than all else that a viewer with a clock of its own costs.
  header[0] = chunkStreamId;
  header[1] = field >>> 16;
  header[2] = field >>> 8;
  header[3] = field;
  header[4] = length >>> 16;
  header[5] = length >>> 8;
  header[6] = length;
  header[7] = type;
  // The one little-endian field of the protocol (5.3.1.2.5).
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
