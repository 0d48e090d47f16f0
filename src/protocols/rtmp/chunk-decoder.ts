// Turns the bytes after the handshake into raw messages, working in the received buffers: a body is copied once, a header never.

import { ByteQueue } from '../bytes/byte-queue.js';
import { ChunkBodyMemory } from './chunk-body-memory.js';
import { ChunkStreamState } from './chunk-stream-state.js';
import { rtmpError } from './errors.js';
import {
  DEFAULT_CHUNK_SIZE,
  EXTENDED_TIMESTAMP,
  MAX_ANNOUNCED_CHUNK_SIZE,
  MAX_CHUNK_SIZE,
  MIN_CHUNK_SIZE,
  maxMessageBytes,
  type RtmpLimits,
} from './limits.js';
import { MESSAGE_TYPE } from './message-types.js';
import type { RawMessage } from './raw-message.js';

const NOTHING = Buffer.alloc(0);

/** Basic header 3, message header 11, extended timestamp 4 (RTMP 1.0 5.3.1). */
const MAX_HEADER_BYTES = 18;

/** Bytes of the message header by chunk type (5.3.1.2). */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

/** Instead of a size: the header, or what follows it and must be looked at, has not arrived. */
const INCOMPLETE = -1;

/**
 * RTMP 1.0 5.3. Set Chunk Size and Abort act here, because they change how the next chunk is read; they are returned too.
 * Buffers given to {@link push} are borrowed until they are consumed, or {@link keepInput} is called. An instance that threw must not be used again.
 */
export class ChunkDecoder {
  readonly #limits: RtmpLimits;
  readonly #streams = new Map<number, ChunkStreamState>();
  #chunkSize = DEFAULT_CHUNK_SIZE;

  #input: Buffer = NOTHING;
  #position = 0;
  #inputIsOurs = false;
  /** What comes before all that waits: the end of an input whose beginning was given back, see {@link #readCarriedHeader}. */
  #rest: Buffer | undefined;
  readonly #waiting = new ByteQueue();
  /** Bytes of all inputs that came before `#input`. */
  #consumedBefore = 0;

  /** The beginning of a header whose end has not arrived. */
  readonly #carry = Buffer.alloc(MAX_HEADER_BYTES);
  #carried = 0;

  /** The chunk stream whose payload is being read, once its header is known. */
  #current: ChunkStreamState | undefined;
  #payloadLeft = 0;

  /** Learned from the first type 3 chunk that should repeat the extended timestamp and does not (old librtmp). */
  #omitsExtendedTimestamp = false;

  readonly #memory: ChunkBodyMemory;

  constructor(limits: RtmpLimits) {
    this.#limits = limits;
    this.#memory = new ChunkBodyMemory(limits.maxPendingBytes);
  }

  /** Memory held for messages that are not complete. */
  get pendingBytes(): number {
    return this.#memory.pendingBytes;
  }

  /** Bytes pushed and not yet decoded. */
  get bufferedBytes(): number {
    return this.#waiting.length + (this.#rest?.length ?? 0) + (this.#input.length - this.#position) + this.#carried;
  }

  /** Bytes decoded so far; at the end of a message this does not depend on how the bytes were cut. */
  get consumedBytes(): number {
    return this.#consumedBefore + this.#position - this.#carried;
  }

  push(bytes: Buffer): void {
    this.#waiting.push(bytes);
  }

  /** What was pushed is about to change: what is not consumed of it is copied. */
  keepInput(): void {
    if (this.#position < this.#input.length && !this.#inputIsOurs) {
      this.#consumedBefore += this.#position;
      this.#input = Buffer.from(this.#input.subarray(this.#position));
      this.#position = 0;
      this.#inputIsOurs = true;
    }
    if (this.#rest !== undefined) this.#rest = Buffer.from(this.#rest);
    this.#waiting.keep();
  }

  /**
   * The next complete message, or undefined until more bytes are pushed. Messages without a body are passed over.
   * @throws rtmp.chunk-header, rtmp.chunk-size, rtmp.chunk-streams, rtmp.message-size, rtmp.pending-bytes
   */
  next(): RawMessage | undefined {
    for (;;) {
      if (this.#current === undefined && !this.#readHeader()) return undefined;
      const stream = this.#current;
      if (stream === undefined || !this.#readPayload(stream)) return undefined;
      this.#current = undefined;
      if (stream.received === stream.messageLength) {
        const message = this.#finish(stream);
        if (message.body.length > 0) return message;
      }
    }
  }

  /** Makes the next pushed buffer the input. */
  #advance(): boolean {
    const next = this.#rest ?? this.#waiting.take();
    this.#rest = undefined;
    this.#consumedBefore += this.#input.length;
    this.#position = 0;
    this.#input = next ?? NOTHING;
    this.#inputIsOurs = false;
    return next !== undefined;
  }

  #readHeader(): boolean {
    for (;;) {
      if (this.#position === this.#input.length && !this.#advance()) return false;
      if (this.#carried > 0) {
        if (this.#readCarriedHeader()) return true;
        continue;
      }
      const size = this.#parseHeader(this.#input, this.#position, this.#input.length);
      if (size !== INCOMPLETE) {
        this.#position += size;
        return true;
      }
      this.#carried = this.#input.copy(this.#carry, 0, this.#position);
      this.#position = this.#input.length;
    }
  }

  /** Completes a header that was cut, or takes the whole input into the carry. */
  #readCarriedHeader(): boolean {
    const before = this.#carried;
    const copied = this.#input.copy(this.#carry, before, this.#position);
    const size = this.#parseHeader(this.#carry, 0, before + copied);
    if (size === INCOMPLETE) {
      this.#carried = before + copied;
      this.#position += copied;
      return false;
    }
    this.#carried = 0;
    if (size >= before) {
      this.#position += size - before;
    } else {
      // What looked like the start of an extended timestamp was payload: give those few bytes back to the input.
      const returned = this.#carry.subarray(size, before);
      this.#consumedBefore += this.#position - returned.length;
      if (this.#position < this.#input.length) this.#rest = this.#input.subarray(this.#position);
      this.#input = Buffer.from(returned);
      this.#position = 0;
    }
    return true;
  }

  /**
   * Reads one chunk header (5.3.1) and prepares its chunk stream.
   * @returns its size, or INCOMPLETE, in which case nothing has changed.
   */
  #parseHeader(bytes: Buffer, start: number, end: number): number {
    const first = bytes[start] as number;
    const type = first >> 6;
    let id = first & 0x3f;
    let position = start + 1;
    if (id === 0) {
      if (position + 1 > end) return INCOMPLETE;
      id = (bytes[position] as number) + 64;
      position += 1;
    } else if (id === 1) {
      if (position + 2 > end) return INCOMPLETE;
      id = (bytes[position] as number) + (bytes[position + 1] as number) * 256 + 64;
      position += 2;
    }
    const stream = this.#stream(id);
    if (type === 3) return this.#parseType3(stream, bytes, start, position, end);

    if (stream.receiving) {
      const missing = stream.messageLength - stream.received;
      throw rtmpError(
        'rtmp.chunk-header',
        `got a type ${type} chunk on chunk stream ${id}, expected type 3 for the ${missing} bytes missing there`,
      );
    }
    if (type === 2 && !stream.known) throw unknownStream(type, id);
    const headerEnd = position + (MESSAGE_HEADER_BYTES[type] as number);
    if (headerEnd > end) return INCOMPLETE;
    const field = bytes.readUIntBE(position, 3);
    const extended = field === EXTENDED_TIMESTAMP;
    if (extended && headerEnd + 4 > end) return INCOMPLETE;
    const value = extended ? bytes.readUInt32BE(headerEnd) : field;

    if (type !== 2) {
      stream.messageLength = bytes.readUIntBE(position + 3, 3);
      stream.messageType = bytes[position + 6] as number;
    }
    if (type === 0) {
      // The one little-endian field of the protocol (5.3.1.2.5).
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
    this.#beginMessage(stream);
    return headerEnd + (extended ? 4 : 0) - start;
  }

  /** A type 3 chunk continues a message or starts one like the last (5.3.1.2.4). */
  #parseType3(stream: ChunkStreamState, bytes: Buffer, start: number, position: number, end: number): number {
    if (!stream.known) throw unknownStream(3, stream.id);
    if (stream.receiving) {
      const extra = stream.extended ? this.#repeatedTimestampBytes(stream, bytes, position, end) : 0;
      if (extra === INCOMPLETE) return INCOMPLETE;
      this.#beginChunk(stream);
      return position + extra - start;
    }
    let size = position - start;
    if (stream.extended) {
      if (position + 4 > end) return INCOMPLETE;
      const value = bytes.readUInt32BE(position);
      stream.extendedValue = value;
      if (stream.extendedIsAbsolute) stream.timestamp = value;
      else stream.delta = value;
      size += 4;
    }
    // By the text the delta after a type 0 chunk is its timestamp; every implementation takes 0, and encoders rely on it.
    stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
    this.#beginMessage(stream);
    return size;
  }

  /**
   * 5.3.1.3: the extended timestamp "is present in Type 3 chunks" too. Old librtmp and OBS leave it out, so it counts only
   * if it says what it must; the first byte that differs is payload.
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
      if (this.#streams.size === this.#limits.maxChunkStreams) {
        throw rtmpError('rtmp.chunk-streams', `got chunk stream ${id}, expected at most ${this.#streams.size} of them`);
      }
      stream = new ChunkStreamState(id);
      this.#streams.set(id, stream);
    }
    return stream;
  }

  #beginMessage(stream: ChunkStreamState): void {
    const limit = maxMessageBytes(stream.messageType, this.#limits);
    if (stream.messageLength > limit) {
      throw rtmpError(
        'rtmp.message-size',
        `got a message of type ${stream.messageType} with ${stream.messageLength} bytes, expected at most ${limit}`,
      );
    }
    stream.receiving = true;
    this.#beginChunk(stream);
  }

  #beginChunk(stream: ChunkStreamState): void {
    this.#current = stream;
    this.#payloadLeft = Math.min(this.#chunkSize, stream.messageLength - stream.received);
  }

  #readPayload(stream: ChunkStreamState): boolean {
    while (this.#payloadLeft > 0) {
      if (this.#position === this.#input.length && !this.#advance()) return false;
      const available = this.#input.length - this.#position;
      const count = Math.min(this.#payloadLeft, available);
      if (stream.received + count > stream.body.length) {
        this.#memory.grow(stream, count, available, this.#consumedBefore + this.#input.length);
      }
      // The one copy of a media byte between the socket and every subscriber: from what was read, which chunk headers cut
      // up, into memory that holds this message and no more. From here on bodies are shared and cut into views.
      this.#input.copy(stream.body, stream.received, this.#position, this.#position + count);
      stream.received += count;
      this.#position += count;
      this.#payloadLeft -= count;
      // In chunks of 128 bytes, a key frame has a thousand of these: spare them the way through the header parser.
      if (
        this.#payloadLeft === 0 &&
        stream.received < stream.messageLength &&
        !stream.extended &&
        this.#position < this.#input.length &&
        this.#input[this.#position] === stream.continuation
      ) {
        this.#position += 1;
        this.#payloadLeft = Math.min(this.#chunkSize, stream.messageLength - stream.received);
      }
    }
    return true;
  }

  #finish(stream: ChunkStreamState): RawMessage {
    const body = this.#memory.release(stream);
    if (stream.messageType === MESSAGE_TYPE.setChunkSize) this.#setChunkSize(body);
    else if (stream.messageType === MESSAGE_TYPE.abort) this.#abort(body);
    return {
      chunkStreamId: stream.id,
      timestamp: stream.timestamp,
      type: stream.messageType,
      messageStreamId: stream.messageStreamId,
      body,
    };
  }

  /** 5.4.1. A message half received keeps what it has and goes on in chunks of the new size. */
  #setChunkSize(body: Buffer): void {
    if (body.length === 0) return;
    const size = body.length >= 4 ? body.readUInt32BE(0) : 0;
    if (size < MIN_CHUNK_SIZE || size > MAX_ANNOUNCED_CHUNK_SIZE) {
      throw rtmpError('rtmp.chunk-size', `got ${size}, expected ${MIN_CHUNK_SIZE}..${MAX_ANNOUNCED_CHUNK_SIZE}`);
    }
    this.#chunkSize = Math.min(size, MAX_CHUNK_SIZE);
  }

  /** 5.4.2: "discard the partially received message over a chunk stream". */
  #abort(body: Buffer): void {
    const stream = body.length >= 4 ? this.#streams.get(body.readUInt32BE(0)) : undefined;
    if (stream?.receiving) this.#memory.release(stream);
  }
}

function unknownStream(type: number, id: number): Error {
  return rtmpError('rtmp.chunk-header', `got a type ${type} chunk first on chunk stream ${id}, expected type 0 or 1`);
}

/** Whether the `count` bytes at `position` are the first ones of this big-endian u32. */
function startsWithU32(bytes: Buffer, position: number, count: number, value: number): boolean {
  for (let index = 0; index < count; index += 1) {
    if (bytes[position + index] !== ((value >>> (24 - 8 * index)) & 0xff)) return false;
  }
  return true;
}
