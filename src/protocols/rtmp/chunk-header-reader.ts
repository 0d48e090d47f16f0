// Parses chunk headers in place. Most headers omit fields that earlier headers of the same chunk stream have set.

import { rtmpError } from './errors.js';
import { EXTENDED_TIMESTAMP } from './limits.js';

/** Basic header 3, message header 11, extended timestamp 4 (RTMP 1.0 5.3.1). */
export const MAX_HEADER_BYTES = 18;

/** Bytes of the message header by chunk type (5.3.1.2). */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

/** Returned instead of a size if bytes that must be examined have not arrived. */
const INCOMPLETE = -1;

/** Reads all chunk headers of one direction of a connection in order, and keeps the chunk streams that they introduce. */
export class ChunkHeaderReader {
  readonly #maxStreams: number;
  readonly #streams = new Map<number, ChunkStreamState>();
  #size = 0;
  /** Set at the first type 3 chunk that should repeat the extended timestamp but does not (old librtmp). */
  #omitsExtendedTimestamp = false;

  constructor(maxStreams: number) {
    this.#maxStreams = maxStreams;
  }

  /** Size of the last header read, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** The chunk stream with this id, if a header has introduced it. */
  find(id: number): ChunkStreamState | undefined {
    return this.#streams.get(id);
  }

  /**
   * Reads the header at `start` (5.3.1).
   * @param end end of the bytes that have arrived
   * @returns the chunk stream of the header, updated by it; undefined, without any change, if bytes of the header, or bytes after it that
   * must be examined, have not arrived
   * @throws rtmp.chunk-header, rtmp.chunk-streams
   */
  read(bytes: Buffer, start: number, end: number): ChunkStreamState | undefined {
    const first = bytes[start] as number;
    const type = first >> 6;
    let id = first & 0x3f;
    let position = start + 1;
    if (id === 0) {
      if (position + 1 > end) return undefined;
      id = (bytes[position] as number) + 64;
      position += 1;
    } else if (id === 1) {
      if (position + 2 > end) return undefined;
      id = (bytes[position] as number) + (bytes[position + 1] as number) * 256 + 64;
      position += 2;
    }
    const stream = this.#stream(id);
    if (type === 3) return this.#readType3(stream, bytes, start, position, end);

    if (stream.receiving) {
      const missing = stream.messageLength - stream.received;
      throw rtmpError(
        'rtmp.chunk-header',
        `got a type ${type} chunk on chunk stream ${id}, expected type 3 for the ${missing} bytes missing there`,
      );
    }
    if (type === 2 && !stream.known) throw unknownStream(type, id);
    const headerEnd = position + (MESSAGE_HEADER_BYTES[type] as number);
    if (headerEnd > end) return undefined;
    const field = bytes.readUIntBE(position, 3);
    const extended = field === EXTENDED_TIMESTAMP;
    if (extended && headerEnd + 4 > end) return undefined;
    const value = extended ? bytes.readUInt32BE(headerEnd) : field;

    if (type !== 2) {
      stream.messageLength = bytes.readUIntBE(position + 3, 3);
      stream.messageType = bytes[position + 6] as number;
    }
    if (type === 0) {
      // The only little-endian field of the protocol (5.3.1.2.5).
      stream.messageStreamId = bytes.readUInt32LE(position + 7);
      stream.timestamp = value;
      stream.delta = 0;
    } else {
      stream.timestamp = (stream.timestamp + value) >>> 0;
      stream.delta = value;
    }
    stream.known = true;
    stream.extended = extended;
    stream.extendedValue = value;
    stream.extendedIsAbsolute = type === 0;
    this.#size = headerEnd + (extended ? 4 : 0) - start;
    return stream;
  }

  /** A type 3 chunk continues a message, or starts a new one like the last one (5.3.1.2.4). */
  #readType3(
    stream: ChunkStreamState,
    bytes: Buffer,
    start: number,
    position: number,
    end: number,
  ): ChunkStreamState | undefined {
    if (!stream.known) throw unknownStream(3, stream.id);
    if (stream.receiving) {
      const extra = stream.extended ? this.#repeatedTimestampBytes(stream, bytes, position, end) : 0;
      if (extra === INCOMPLETE) return undefined;
      this.#size = position + extra - start;
      return stream;
    }
    let size = position - start;
    if (stream.extended) {
      if (position + 4 > end) return undefined;
      const value = bytes.readUInt32BE(position);
      stream.extendedValue = value;
      if (stream.extendedIsAbsolute) stream.timestamp = value;
      else stream.delta = value;
      size += 4;
    }
    // By the specification, the timestamp of a preceding type 0 chunk is the delta. Every implementation uses 0, and encoders rely on it.
    stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
    this.#size = size;
    return stream;
  }

  /**
   * 5.3.1.3: the extended timestamp "is present in Type 3 chunks" too. Old librtmp and OBS omit it. So these bytes count as the timestamp
   * only if they equal the expected value; otherwise they are payload.
   * @returns 4, 0 or INCOMPLETE
   */
  #repeatedTimestampBytes(stream: ChunkStreamState, bytes: Buffer, position: number, end: number): number {
    if (this.#omitsExtendedTimestamp) return 0;
    const available = Math.min(4, end - position);
    if (
      !startsWithU32(bytes, position, available, stream.extendedValue) &&
      !startsWithU32(bytes, position, available, stream.timestamp)
    ) {
      this.#omitsExtendedTimestamp = true;
      return 0;
    }
    return available === 4 ? 4 : INCOMPLETE;
  }

  #stream(id: number): ChunkStreamState {
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      if (this.#streams.size === this.#maxStreams) {
        throw rtmpError('rtmp.chunk-streams', `got chunk stream ${id}, expected at most ${this.#streams.size} of them`);
      }
      stream = new ChunkStreamState(id);
      this.#streams.set(id, stream);
    }
    return stream;
  }
}

function unknownStream(type: number, id: number): Error {
  return rtmpError('rtmp.chunk-header', `got a type ${type} chunk first on chunk stream ${id}, expected type 0 or 1`);
}

/** Whether the `count` bytes at `position` equal the first bytes of `value` as a big-endian u32. */
function startsWithU32(bytes: Buffer, position: number, count: number, value: number): boolean {
  for (let index = 0; index < count; index += 1) {
    if (bytes[position + index] !== ((value >>> (24 - 8 * index)) & 0xff)) return false;
  }
  return true;
}

const NOTHING = Buffer.alloc(0);

/**
 * The state of one chunk stream id, for later headers that omit fields (RTMP 1.0 5.3.1). The object always has the same shape,
 * which keeps it fast in V8.
 */
export class ChunkStreamState {
  readonly id: number;
  /**
   * The single byte that is the whole header of most chunks: type 3 with this id. -1 for ids whose basic header has more than one byte
   * (5.3.1.1).
   */
  readonly continuation: number;
  /** False until the first header, which must be of type 0 or 1. */
  known = false;
  /** u32. Timestamp of the message being received, or of the last one. */
  timestamp = 0;
  /** u32. Added to the timestamp by a type 3 chunk that starts a message; 0 after a type 0 chunk. */
  delta = 0;
  /** Whether the last header of type 0, 1 or 2 had an extended timestamp. If so, type 3 chunks have one too. */
  extended = false;
  /** Value of that field: a timestamp after type 0, a delta after types 1 and 2. */
  extendedValue = 0;
  extendedIsAbsolute = false;
  messageLength = 0;
  messageType = 0;
  messageStreamId = 0;
  /** True between the first and the last chunk of a message. */
  receiving = false;
  received = 0;
  /** Grows up to `messageLength` bytes; once complete, it is the body of the message. */
  body: Buffer = NOTHING;

  constructor(id: number) {
    this.id = id;
    this.continuation = id < 64 ? 0xc0 | id : -1;
  }

  /** Returns the complete body. After this, the object holds no memory of the message. */
  takeBody(): Buffer {
    const body = this.body;
    this.body = NOTHING;
    this.received = 0;
    this.receiving = false;
    return body;
  }
}
