// A hundred viewers of one stream are sent the same bytes; this makes a message's chunks once for all of them and copies no media.

import { EXTENDED_TIMESTAMP } from './limits.js';

/** What the chunks of a message depend on besides its body. */
export interface MediaHeader {
  /** 2 to 63. */
  readonly chunkStreamId: number;
  /** u32. */
  readonly timestamp: number;
  /** Message type id. */
  readonly type: number;
  readonly messageStreamId: number;
  /** Bytes. */
  readonly chunkSize: number;
}

/** Body of an FLV tag in one piece or several, in order. */
export type MediaBody = Buffer | readonly Buffer[];

interface CachedChunks extends MediaHeader {
  readonly chunks: readonly Buffer[];
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
 */
export function mediaChunks(header: MediaHeader, body: MediaBody): readonly Buffer[] {
  const last = lastChunks.get(body);
  if (last !== undefined && sameHeader(last, header)) return last.chunks;
  const chunks = cutIntoChunks(header, body);
  lastChunks.set(body, { ...header, chunks });
  return chunks;
}

function sameHeader(a: MediaHeader, b: MediaHeader): boolean {
  return (
    a.timestamp === b.timestamp &&
    a.messageStreamId === b.messageStreamId &&
    a.chunkSize === b.chunkSize &&
    a.type === b.type &&
    a.chunkStreamId === b.chunkStreamId
  );
}

function cutIntoChunks(header: MediaHeader, body: MediaBody): readonly Buffer[] {
  const pieces = Buffer.isBuffer(body) ? [body] : (body as readonly Buffer[]);
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const continuation = continuationHeader(header);
  const chunks: Buffer[] = [firstHeader(header, length)];
  let left = header.chunkSize;
  for (const piece of pieces) {
    let position = 0;
    while (position < piece.length) {
      if (left === 0) {
        chunks.push(continuation);
        left = header.chunkSize;
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
function firstHeader({ chunkStreamId, timestamp, type, messageStreamId }: MediaHeader, length: number): Buffer {
  const extended = timestamp >= EXTENDED_TIMESTAMP;
  const header = Buffer.allocUnsafe(extended ? MAX_FIRST_HEADER_BYTES : MAX_FIRST_HEADER_BYTES - 4);
  header.writeUInt8(chunkStreamId, 0);
  header.writeUIntBE(extended ? EXTENDED_TIMESTAMP : timestamp, 1, 3);
  header.writeUIntBE(length, 4, 3);
  header.writeUInt8(type, 7);
  header.writeUInt32LE(messageStreamId, 8);
  if (extended) header.writeUInt32BE(timestamp, 12);
  return header;
}

/** 5.3.1.2.4, with the extended timestamp that 5.3.1.3 repeats in each chunk of the message. */
function continuationHeader({ chunkStreamId, timestamp }: MediaHeader): Buffer {
  const extended = timestamp >= EXTENDED_TIMESTAMP;
  const header = Buffer.allocUnsafe(extended ? 5 : 1);
  header.writeUInt8(0xc0 | chunkStreamId, 0);
  if (extended) header.writeUInt32BE(timestamp, 1);
  return header;
}
