// The part that both ends of a connection share: handshake, chunking, acknowledgements and pings. The sessions build on it and see only
// commands, data and media.

import { AcknowledgementCounter } from './acknowledgement.js';
import { AggregateReader } from './aggregate.js';
import { ChunkDecoder } from './chunk-decoder.js';
import { ChunkEncoder } from './chunk-encoder.js';
import { HANDSHAKE_SIZE, type RtmpLimits } from './limits.js';
import { type MediaBody, type MediaChannel, mediaChunks } from './media-chunks.js';
import { decodeMessage } from './message-decoder.js';
import { encodeMessage, type SendableMessage } from './message-encoder.js';
import type { CommandMessage, DataMessage, MediaMessage, RtmpMessage, UserControl } from './messages.js';
import type { RawMessage } from './raw-message.js';

/** One side of RTMP 1.0 5.2. */
export interface Handshake {
  readonly done: boolean;
  /** @returns how many of the bytes belonged to the handshake. */
  receive(bytes: Buffer): number;
  takeOutput(): Buffer | undefined;
}

/** The messages that are passed to the session. */
export type SessionMessage = CommandMessage | DataMessage | MediaMessage;

export class MessageTransport {
  readonly #handshake: Handshake;
  readonly #limits: RtmpLimits;
  readonly #decoder: ChunkDecoder;
  readonly #encoder = new ChunkEncoder();
  readonly #acknowledgements: AcknowledgementCounter;
  #output: Buffer[] = [];
  /** Bytes sent only in answer to the peer, see {@link answer}. */
  #answeredBytes = 0;
  #aggregate: AggregateReader | undefined;

  constructor(handshake: Handshake, limits: RtmpLimits, acknowledgements = new AcknowledgementCounter()) {
    this.#handshake = handshake;
    this.#limits = limits;
    this.#decoder = new ChunkDecoder(limits);
    this.#acknowledgements = acknowledgements;
    this.#collectHandshake();
  }

  get handshakeDone(): boolean {
    return this.#handshake.done;
  }

  /** Bytes received on the whole connection. */
  get receivedBytes(): number {
    return this.#acknowledgements.receivedBytes;
  }

  /** Memory held for messages that are not complete. */
  get pendingBytes(): number {
    return this.#decoder.pendingBytes;
  }

  /** @throws rtmp.not-rtmp */
  receive(bytes: Buffer): void {
    this.#acknowledgements.received(bytes.length);
    if (this.#handshake.done) {
      this.#decoder.push(bytes);
      return;
    }
    const taken = this.#handshake.receive(bytes);
    this.#collectHandshake();
    if (taken < bytes.length) this.#decoder.push(bytes.subarray(taken));
  }

  /** See `ChunkDecoder.keepInput`. */
  keepInput(): void {
    this.#decoder.keepInput();
  }

  /**
   * Returns the next message for the session. Protocol control messages are handled here.
   * @throws the errors of chunk and message decoding; after that this instance must not be used again
   */
  next(): SessionMessage | undefined {
    for (;;) {
      const raw = this.#nextRaw();
      if (raw === undefined) return undefined;
      if (raw.body.length === 0) continue;
      const message = this.#pass(decodeMessage(raw, this.#limits.amf));
      if (message !== undefined) return message;
    }
  }

  send(message: SendableMessage): void {
    this.#output.push(this.#encode(message));
  }

  /**
   * Sends an answer to the peer, unless answers already add up to more bytes than everything the peer has sent. A peer that floods us with
   * requests gets at most one byte for each byte; no encoder depends on an answer that this withholds.
   */
  answer(message: SendableMessage): void {
    const bytes = this.#encode(message);
    if (this.#answeredBytes + bytes.length > 2 * HANDSHAKE_SIZE + this.#decoder.consumedBytes) return;
    this.#answeredBytes += bytes.length;
    this.#output.push(bytes);
  }

  /**
   * Sends a media message whose body is shared with other connections. Views of the body go out, so it must never change. Its header is a
   * full one and does not depend on earlier headers, so the chunk encoder need not know about it.
   */
  sendShared(channel: MediaChannel, messageStreamId: number, timestamp: number, body: MediaBody): void {
    for (const chunk of mediaChunks(channel, messageStreamId, timestamp, this.#encoder.chunkSize, body)) {
      this.#output.push(chunk);
    }
  }

  /** Whether there is something to write now. */
  get hasOutput(): boolean {
    return this.#output.length > 0 || (this.#handshake.done && this.#acknowledgements.isDue);
  }

  /** Returns everything to write now as one buffer, with an acknowledgement if one is due. */
  takeOutput(): Buffer | undefined {
    const output = this.takeOutputBuffers();
    return output.length <= 1 ? output[0] : Buffer.concat(output);
  }

  /** Like `takeOutput`, as a list for a vectored write: nothing is copied. */
  takeOutputBuffers(): Buffer[] {
    if (this.#handshake.done) {
      const sequenceNumber = this.#acknowledgements.due();
      if (sequenceNumber !== undefined) this.send({ type: 'acknowledgement', sequenceNumber });
    }
    const output = this.#output;
    if (output.length > 0) this.#output = [];
    return output;
  }

  #nextRaw(): RawMessage | undefined {
    const part = this.#aggregate?.next();
    if (part !== undefined) return part;
    this.#aggregate = undefined;
    return this.#decoder.next();
  }

  #collectHandshake(): void {
    const bytes = this.#handshake.takeOutput();
    if (bytes !== undefined) this.#output.push(bytes);
  }

  #encode(message: SendableMessage): Buffer {
    const bytes = this.#encoder.encode(encodeMessage(message));
    if (message.type === 'set-chunk-size') this.#encoder.chunkSize = message.chunkSize;
    return bytes;
  }

  #pass(message: RtmpMessage): SessionMessage | undefined {
    switch (message.type) {
      case 'audio':
      case 'video':
      case 'data':
      case 'command':
        return message;
      case 'aggregate':
        this.#aggregate = new AggregateReader(message);
        return undefined;
      case 'window-acknowledgement-size':
        this.#acknowledgements.windowSize = message.windowSize;
        return undefined;
      case 'set-peer-bandwidth':
        // 5.4.5: "should respond with a Window Acknowledgement Size message".
        this.answer({ type: 'window-acknowledgement-size', windowSize: message.windowSize });
        return undefined;
      case 'user-control':
        this.#userControl(message);
        return undefined;
      default:
        // Chunk size and abort were applied by the decoder; a receiver of media ignores acknowledgements.
        return undefined;
    }
  }

  #userControl({ event }: UserControl): void {
    if (event.type !== 'ping-request') return;
    this.answer({ type: 'user-control', event: { type: 'ping-response', timestamp: event.timestamp } });
  }
}
