// Converts the bytes after the handshake to raw messages. It works on the received buffers: a body is copied once, a header never.

import { ChunkBodyMemory } from './chunk-body-memory.js';
import type { ChunkStreamState } from './chunk-header-reader.js';
import { ChunkHeaderReader, MAX_HEADER_BYTES } from './chunk-header-reader.js';
import { rtmpError } from './errors.js';
import {
  DEFAULT_CHUNK_SIZE,
  MAX_ANNOUNCED_CHUNK_SIZE,
  MAX_CHUNK_SIZE,
  MIN_CHUNK_SIZE,
  type RtmpLimits,
} from './limits.js';
import { MESSAGE_TYPE } from './message-types.js';
import type { RawMessage } from './messages.js';

const NOTHING = Buffer.alloc(0);

/**
 * RTMP 1.0 5.3. Set Chunk Size and Abort are applied here, because they change how the next chunk is read, and are returned as messages
 * too. Buffers given to {@link push} are borrowed until they are consumed or {@link keepInput} is called. After `next` has thrown, the
 * instance must not be used again.
 */
export class ChunkDecoder {
  readonly #limits: RtmpLimits;
  readonly #headers: ChunkHeaderReader;
  #chunkSize = DEFAULT_CHUNK_SIZE;

  // Bytes that are not decoded yet are in up to four places, in this order: `#splitHeader`, `#input` from `#position` on, `#inputAfter`,
  // `#queue`.

  /** The buffer that is being read. */
  #input: Buffer = NOTHING;
  #position = 0;
  /** Whether `#input` is our own copy, not a borrowed buffer. */
  #inputIsOurs = false;
  /** The rest of a buffer of which {@link #readSplitHeader} has put bytes back into `#input`. */
  #inputAfter: Buffer | undefined;
  /** Buffers received later. There are seldom any: callers take all messages of one buffer before they push the next. */
  readonly #queue: Buffer[] = [];
  /** Total bytes of the inputs before `#input`. */
  #consumedBefore = 0;

  /** The beginning of an incomplete header. */
  readonly #splitHeader = Buffer.alloc(MAX_HEADER_BYTES);
  #splitHeaderBytes = 0;

  /** The chunk stream whose payload is being read; undefined while a header is being read. */
  #current: ChunkStreamState | undefined;
  #payloadLeft = 0;

  readonly #memory: ChunkBodyMemory;

  constructor(limits: RtmpLimits) {
    this.#limits = limits;
    this.#headers = new ChunkHeaderReader(limits.maxChunkStreams);
    this.#memory = new ChunkBodyMemory(limits.maxPendingBytes);
  }

  /** Memory held for incomplete messages. */
  get pendingBytes(): number {
    return this.#memory.pendingBytes;
  }

  /** Number of bytes that were pushed but not decoded yet. */
  get bufferedBytes(): number {
    const waiting = this.#queue.reduce((bytes, { length }) => bytes + length, 0);
    return waiting + (this.#inputAfter?.length ?? 0) + (this.#input.length - this.#position) + this.#splitHeaderBytes;
  }

  /** Number of bytes decoded so far. At the end of a message it does not depend on how the bytes were split into buffers. */
  get consumedBytes(): number {
    return this.#consumedBefore + this.#position - this.#splitHeaderBytes;
  }

  push(bytes: Buffer): void {
    if (bytes.length > 0) this.#queue.push(bytes);
  }

  /** Copies all unconsumed input and lets go of the rest, so that the caller may reuse its buffers or free them. */
  keepInput(): void {
    if (!this.#inputIsOurs) {
      const isRead = this.#position === this.#input.length;
      this.#consumedBefore += this.#position;
      this.#input = isRead ? NOTHING : Buffer.from(this.#input.subarray(this.#position));
      this.#position = 0;
      this.#inputIsOurs = true;
    }
    if (this.#inputAfter !== undefined) this.#inputAfter = Buffer.from(this.#inputAfter);
    for (const [index, bytes] of this.#queue.entries()) this.#queue[index] = Buffer.from(bytes);
  }

  /**
   * Returns the next complete message, or undefined until more bytes are pushed. Messages without a body are skipped.
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

  /** Makes the next queued buffer the input. */
  #advance(): boolean {
    const next = this.#inputAfter ?? this.#queue.shift();
    this.#inputAfter = undefined;
    this.#consumedBefore += this.#input.length;
    this.#position = 0;
    this.#input = next ?? NOTHING;
    this.#inputIsOurs = false;
    return next !== undefined;
  }

  #readHeader(): boolean {
    for (;;) {
      if (this.#position === this.#input.length && !this.#advance()) return false;
      if (this.#splitHeaderBytes > 0) {
        if (this.#readSplitHeader()) return true;
        continue;
      }
      const stream = this.#headers.read(this.#input, this.#position, this.#input.length);
      if (stream !== undefined) {
        this.#begin(stream);
        this.#position += this.#headers.size;
        return true;
      }
      this.#splitHeaderBytes = this.#input.copy(this.#splitHeader, 0, this.#position);
      this.#position = this.#input.length;
    }
  }

  /** Completes a header that was split across inputs, or moves the whole input into `#splitHeader`. */
  #readSplitHeader(): boolean {
    const before = this.#splitHeaderBytes;
    const copied = this.#input.copy(this.#splitHeader, before, this.#position);
    const stream = this.#headers.read(this.#splitHeader, 0, before + copied);
    if (stream === undefined) {
      this.#splitHeaderBytes = before + copied;
      this.#position += copied;
      return false;
    }
    this.#begin(stream);
    this.#splitHeaderBytes = 0;
    const { size } = this.#headers;
    if (size >= before) {
      this.#position += size - before;
    } else {
      // Bytes that were read as the start of an extended timestamp are payload: puts them back before the input.
      const returned = this.#splitHeader.subarray(size, before);
      this.#consumedBefore += this.#position - returned.length;
      if (this.#position < this.#input.length) this.#inputAfter = this.#input.subarray(this.#position);
      this.#input = Buffer.from(returned);
      this.#position = 0;
    }
    return true;
  }

  /** Starts reading payload for this chunk stream, of the current message or of a new one. */
  #begin(stream: ChunkStreamState): void {
    if (!stream.receiving) {
      const limit = maxMessageBytes(stream.messageType, this.#limits);
      if (stream.messageLength > limit) {
        throw rtmpError(
          'rtmp.message-size',
          `got a message of type ${stream.messageType} with ${stream.messageLength} bytes, expected at most ${limit}`,
        );
      }
      stream.receiving = true;
    }
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
      // This is the only copy of a media byte between the socket and all subscribers. It joins the payload of several chunks, in memory
      // that contains only this message. After this, bodies are shared as views.
      this.#input.copy(stream.body, stream.received, this.#position, this.#position + count);
      stream.received += count;
      this.#position += count;
      this.#payloadLeft -= count;
      // In 128-byte chunks a key frame has about a thousand of these headers, so they do not go through the general header parser.
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

  /** 5.4.1. A partly received message keeps its bytes and continues in chunks of the new size. */
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
    const stream = body.length >= 4 ? this.#headers.find(body.readUInt32BE(0)) : undefined;
    if (stream?.receiving) this.#memory.release(stream);
  }
}

/** The longest body that a message of this type may announce. */
function maxMessageBytes(messageType: number, limits: RtmpLimits): number {
  switch (messageType) {
    case MESSAGE_TYPE.video:
    case MESSAGE_TYPE.aggregate:
      return limits.maxVideoMessageBytes;
    case MESSAGE_TYPE.audio:
      return limits.maxAudioMessageBytes;
    case MESSAGE_TYPE.setChunkSize:
    case MESSAGE_TYPE.abort:
    case MESSAGE_TYPE.acknowledgement:
    case MESSAGE_TYPE.windowAcknowledgementSize:
    case MESSAGE_TYPE.setPeerBandwidth:
      return limits.maxControlBytes;
    case MESSAGE_TYPE.userControl:
      return limits.maxUserControlBytes;
    default:
      return limits.maxCommandMessageBytes;
  }
}
