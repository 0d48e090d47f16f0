// Converts raw messages to chunks. Media headers are compressed against the previous header; all others are written in full.

import { DEFAULT_CHUNK_SIZE, EXTENDED_TIMESTAMP, MAX_CHUNK_SIZE } from './limits.js';
import { MESSAGE_TYPE } from './message-types.js';
import type { RawMessage } from './messages.js';

interface SentHeader {
  readonly timestamp: number;
  readonly type: number;
  readonly length: number;
  readonly messageStreamId: number;
}

/** RTMP 1.0 5.3. Chunk stream ids 2 to 65599. */
export class ChunkEncoder {
  readonly #sent = new Map<number, SentHeader>();
  #chunkSize = DEFAULT_CHUNK_SIZE;

  /** The chunk size from the next message on, 1 to 0xFFFFFF bytes. The peer must be told before (5.4.1). */
  set chunkSize(size: number) {
    this.#chunkSize = Math.min(Math.max(1, size), MAX_CHUNK_SIZE);
  }

  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** Encodes one message into one buffer; copies the body. */
  encode(message: RawMessage): Buffer {
    const { body, chunkStreamId: id } = message;
    const type = this.#chunkType(message);
    const previous = this.#sent.get(id);
    const value = type === 0 || previous === undefined ? message.timestamp : message.timestamp - previous.timestamp;
    const extended = value >= EXTENDED_TIMESTAMP;
    const basicBytes = basicHeaderBytes(id);
    const extendedBytes = extended ? 4 : 0;
    const continuations = Math.max(0, Math.ceil(body.length / this.#chunkSize) - 1);
    const headerBytes = type === 0 ? 11 : type === 1 ? 7 : 3;
    const out = Buffer.allocUnsafe(
      basicBytes + headerBytes + extendedBytes + body.length + continuations * (basicBytes + extendedBytes),
    );

    let position = writeBasicHeader(out, 0, type, id);
    position = out.writeUIntBE(extended ? EXTENDED_TIMESTAMP : value, position, 3);
    if (type < 2) {
      position = out.writeUIntBE(body.length, position, 3);
      position = out.writeUInt8(message.type, position);
    }
    if (type === 0) position = out.writeUInt32LE(message.messageStreamId, position);
    if (extended) position = out.writeUInt32BE(value, position);
    let sent = body.copy(out, position, 0, this.#chunkSize);
    position += sent;
    while (sent < body.length) {
      position = writeBasicHeader(out, position, 3, id);
      if (extended) position = out.writeUInt32BE(value, position);
      const copied = body.copy(out, position, sent, sent + this.#chunkSize);
      position += copied;
      sent += copied;
    }
    this.#sent.set(id, {
      timestamp: message.timestamp,
      type: message.type,
      length: body.length,
      messageStreamId: message.messageStreamId,
    });
    return out;
  }

  /** 5.3.1.2: types 1 and 2 omit the fields that have not changed. A timestamp that goes back needs type 0; FFmpeg does the same. */
  #chunkType(message: RawMessage): 0 | 1 | 2 {
    const previous = this.#sent.get(message.chunkStreamId);
    if (previous === undefined || !isMedia(message.type)) return 0;
    if (previous.messageStreamId !== message.messageStreamId || message.timestamp < previous.timestamp) return 0;
    return previous.type === message.type && previous.length === message.body.length ? 2 : 1;
  }
}

function isMedia(type: number): boolean {
  return type === MESSAGE_TYPE.audio || type === MESSAGE_TYPE.video;
}

function basicHeaderBytes(id: number): 1 | 2 | 3 {
  return id < 64 ? 1 : id < 320 ? 2 : 3;
}

/** 5.3.1.1: writes the shortest form that fits. */
function writeBasicHeader(out: Buffer, position: number, type: number, id: number): number {
  const top = type << 6;
  if (id < 64) return out.writeUInt8(top | id, position);
  if (id < 320) return out.writeUInt8(id - 64, out.writeUInt8(top, position));
  return out.writeUInt16LE(id - 64, out.writeUInt8(top | 1, position));
}
