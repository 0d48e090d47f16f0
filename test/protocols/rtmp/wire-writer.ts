// Writes chunks as any encoder might, even in ways that our own encoder never uses: all header types, both styles of extended timestamps,
// every form of the basic header, any interleaving.

export interface WireMessage {
  readonly chunkStreamId: number;
  readonly timestamp: number;
  readonly type: number;
  readonly messageStreamId: number;
  readonly body: Buffer;
}

export type ChunkType = 0 | 1 | 2 | 3;

/** The smallest basic header that fits, or one of a given size (RTMP 1.0 5.3.1.1). */
export function basicHeader(type: ChunkType, id: number, size?: 1 | 2 | 3): Buffer {
  const bytes = size ?? (id < 64 ? 1 : id < 320 ? 2 : 3);
  if (bytes === 1) return Buffer.of((type << 6) | id);
  if (bytes === 2) return Buffer.of(type << 6, id - 64);
  return Buffer.of((type << 6) | 1, (id - 64) & 0xff, (id - 64) >> 8);
}

/** `time` is the timestamp for type 0, the delta for types 1 and 2. */
export function messageHeader(
  type: ChunkType,
  time: number,
  message: WireMessage,
  length = message.body.length,
): Buffer {
  const field = Math.min(time, 0xffffff);
  const header = Buffer.alloc(11);
  header.writeUIntBE(field, 0, 3);
  header.writeUIntBE(length, 3, 3);
  header.writeUInt8(message.type, 6);
  header.writeUInt32LE(message.messageStreamId, 7);
  const size = [11, 7, 3, 0][type] as number;
  return Buffer.concat([header.subarray(0, size), time >= 0xffffff && type !== 3 ? u32(time) : Buffer.alloc(0)]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

interface Sent {
  readonly timestamp: number;
  readonly length: number;
  readonly type: number;
  readonly messageStreamId: number;
  /** The value in the last header of type 0 to 2, or in a type 3 chunk that started a message. */
  readonly time: number;
  readonly extended: boolean;
  readonly delta: number;
}

/** Remembers what each chunk stream has sent, so that it knows which header types can express the next message. */
export class WireWriter {
  chunkSize = 128;
  readonly #repeatsExtended: boolean;
  readonly #sent = new Map<number, Sent>();

  constructor({ repeatsExtended = true } = {}) {
    this.#repeatsExtended = repeatsExtended;
  }

  /** The header types that can express this message now. */
  possibleTypes(message: WireMessage): ChunkType[] {
    const last = this.#sent.get(message.chunkStreamId);
    if (last === undefined) return [0];
    const types: ChunkType[] = [0];
    if (last.messageStreamId !== message.messageStreamId) return types;
    types.push(1);
    if (last.length !== message.body.length || last.type !== message.type) return types;
    types.push(2);
    // After an extended absolute timestamp a new message of type 3 repeats that timestamp.
    if ((message.timestamp - last.timestamp) >>> 0 === last.delta) types.push(3);
    return types;
  }

  /** The chunks of one message, the first with this header type. */
  chunks(message: WireMessage, type: ChunkType): Buffer[] {
    const id = message.chunkStreamId;
    const last = this.#sent.get(id);
    const delta = last === undefined ? message.timestamp : (message.timestamp - last.timestamp) >>> 0;
    const time = type === 0 ? message.timestamp : type === 3 && last !== undefined ? last.time : delta;
    const extended = type === 3 && last !== undefined ? last.extended : time >= 0xffffff;
    this.#sent.set(id, {
      timestamp: message.timestamp,
      length: message.body.length,
      type: message.type,
      messageStreamId: message.messageStreamId,
      time,
      extended,
      delta: type === 0 ? 0 : type === 3 && last !== undefined ? last.delta : delta,
    });
    const first = [basicHeader(type, id), messageHeader(type, time, message)];
    if (type === 3 && extended) first.push(u32(time));
    const chunks = [Buffer.concat([...first, message.body.subarray(0, this.chunkSize)])];
    for (let position = this.chunkSize; position < message.body.length; position += this.chunkSize) {
      const repeated = extended && this.#repeatsExtended ? u32(time) : Buffer.alloc(0);
      chunks.push(
        Buffer.concat([basicHeader(3, id), repeated, message.body.subarray(position, position + this.chunkSize)]),
      );
    }
    return chunks;
  }

  /** All chunks of one message with a full header, as one buffer. */
  message(message: WireMessage, type: ChunkType = 0): Buffer {
    return Buffer.concat(this.chunks(message, type));
  }
}

/** Bytes that differ from position to position, so that a shift is noticed. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 31 + seed * 17 + (index >> 8)) & 0xff;
  return bytes;
}

/** One message of an aggregate (7.1.6); `size` is what its header claims. */
export function subMessage(type: number, timestamp: number, body: Buffer, size = body.length): Buffer {
  const header = Buffer.alloc(11);
  header.writeUInt8(type, 0);
  header.writeUIntBE(size, 1, 3);
  header.writeUIntBE(timestamp & 0xffffff, 4, 3);
  header.writeUInt8(timestamp >>> 24, 7);
  return Buffer.concat([header, body, u32(body.length + 11)]);
}
