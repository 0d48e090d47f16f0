// What both ends of a connection share: handshake, chunking, acknowledgements and pings. The sessions build on it, and see only commands,
// data and media.

import { AggregateReader } from './aggregate.js';
import { ChunkDecoder } from './chunk-decoder.js';
import { ChunkEncoder } from './chunk-encoder.js';
import {
  DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE,
  HANDSHAKE_SIZE,
  MIN_ACKNOWLEDGEMENT_INTERVAL,
  type RtmpLimits,
} from './limits.js';
import { type MediaBody, type MediaChannel, mediaChunks } from './media-chunks.js';
import { type DecodedMessage, decodeMessage } from './message-decoder.js';
import { encodeMessage, type SendableMessage } from './message-encoder.js';
import { MESSAGE_TYPE } from './message-types.js';
import type { CommandMessage, DataMessage, MediaMessage, RawMessage, UserControl } from './messages.js';

/** One side of RTMP 1.0 5.2. */
export interface Handshake {
  readonly done: boolean;
  /** @returns how many of the bytes belonged to the handshake. */
  receive(bytes: Buffer): number;
  takeOutput(): Buffer | undefined;
}

/** The messages that are passed to the session. */
export type SessionMessage = CommandMessage | DataMessage | MediaMessage;

/**
 * Counts received bytes, and decides when to acknowledge them (RTMP 1.0 5.4.3, 5.4.4). Encoders stop sending if no acknowledgement comes,
 * or if the count goes wrong at 4 GiB.
 */
export class AcknowledgementCounter {
  #receivedBytes: number;
  #acknowledgedBytes: number;
  #interval = DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE / 2;

  /** @param alreadyReceived bytes that this connection had received and acknowledged before this counter was created. */
  constructor(alreadyReceived = 0) {
    this.#receivedBytes = alreadyReceived;
    this.#acknowledgedBytes = alreadyReceived;
  }

  /** Bytes received on this connection so far, the handshake included. Exact up to 2^53. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /**
   * In bytes; 0 is ignored. The peer expects an acknowledgement every `windowSize` bytes. We send one every half window, so that the peer
   * never stops while one is still on its way.
   */
  set windowSize(windowSize: number) {
    if (windowSize > 0) this.#interval = Math.max(windowSize / 2, MIN_ACKNOWLEDGEMENT_INTERVAL);
  }

  get isDue(): boolean {
    return this.#receivedBytes - this.#acknowledgedBytes >= this.#interval;
  }

  /**
   * The sequence number to send now; undefined if none is due. It is the number of all bytes received so far, modulo 2^32, not of those
   * since the last acknowledgement.
   */
  due(): number | undefined {
    if (!this.isDue) return undefined;
    this.#acknowledgedBytes = this.#receivedBytes;
    return this.#receivedBytes % 2 ** 32;
  }
}

export class MessageTransport {
  /** Undefined once it is complete. */
  #handshake: Handshake | undefined;
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
    this.#collectHandshake(handshake);
    this.#limits = limits;
    this.#decoder = new ChunkDecoder(limits);
    this.#acknowledgements = acknowledgements;
  }

  get handshakeDone(): boolean {
    return this.#handshake === undefined;
  }

  /** Bytes received on the whole connection. */
  get receivedBytes(): number {
    return this.#acknowledgements.receivedBytes;
  }

  /** Memory held for incomplete messages. */
  get pendingBytes(): number {
    return this.#decoder.pendingBytes;
  }

  /** @throws rtmp.not-rtmp */
  receive(bytes: Buffer): void {
    this.#acknowledgements.received(bytes.length);
    const handshake = this.#handshake;
    if (handshake === undefined) {
      this.#decoder.push(bytes);
      return;
    }
    const taken = handshake.receive(bytes);
    this.#collectHandshake(handshake);
    if (handshake.done) this.#handshake = undefined;
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
      const message = mediaMessage(raw) ?? this.#pass(decodeMessage(raw, this.#limits.amf));
      if (message !== undefined) return message;
    }
  }

  send(message: SendableMessage): void {
    this.#output.push(this.#encode(message));
  }

  /**
   * Sends an answer to the peer, unless all answers so far have more bytes than everything that the peer has sent. So a peer that floods us
   * with requests gets at most one byte for each of its bytes. No encoder depends on an answer that is withheld for this reason.
   */
  answer(message: SendableMessage): void {
    const bytes = this.#encode(message);
    if (this.#answeredBytes + bytes.length > 2 * HANDSHAKE_SIZE + this.#decoder.consumedBytes) return;
    this.#answeredBytes += bytes.length;
    this.#output.push(bytes);
  }

  /**
   * Sends a media message whose body is shared with other connections. Views of the body are sent, so it must never change. Its header is a
   * full one and does not depend on earlier headers, so the chunk encoder need not know about it.
   */
  sendShared(channel: MediaChannel, messageStreamId: number, timestamp: number, body: MediaBody): void {
    for (const chunk of mediaChunks(channel, messageStreamId, timestamp, this.#encoder.chunkSize, body)) {
      this.#output.push(chunk);
    }
  }

  /** Whether there is something to write now. */
  get hasOutput(): boolean {
    return this.#output.length > 0 || (this.handshakeDone && this.#acknowledgements.isDue);
  }

  /** Returns everything to write now as one buffer, with an acknowledgement if one is due. */
  takeOutput(): Buffer | undefined {
    const output = this.takeOutputBuffers();
    return output.length <= 1 ? output[0] : Buffer.concat(output);
  }

  /** Like `takeOutput`, as a list for a vectored write: nothing is copied. */
  takeOutputBuffers(): Buffer[] {
    if (this.handshakeDone) {
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

  #collectHandshake(handshake: Handshake): void {
    const bytes = handshake.takeOutput();
    if (bytes !== undefined) this.#output.push(bytes);
  }

  #encode(message: SendableMessage): Buffer {
    const bytes = this.#encoder.encode(encodeMessage(message));
    if (message.type === 'set-chunk-size') this.#encoder.chunkSize = message.chunkSize;
    return bytes;
  }

  #pass(message: DecodedMessage): CommandMessage | DataMessage | undefined {
    switch (message.type) {
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
        // The decoder has already applied chunk size and abort. A receiver of media ignores acknowledgements.
        return undefined;
    }
  }

  #userControl({ event }: UserControl): void {
    if (event.type !== 'ping-request') return;
    this.answer({ type: 'user-control', event: { type: 'ping-response', timestamp: event.timestamp } });
  }
}

/**
 * Audio and video need no decoding, because the body is that of an FLV tag.
 * @returns undefined for any other message
 */
export function mediaMessage({ type, messageStreamId, timestamp, body }: RawMessage): MediaMessage | undefined {
  if (type === MESSAGE_TYPE.video) return { type: 'video', messageStreamId, timestamp, body };
  if (type === MESSAGE_TYPE.audio) return { type: 'audio', messageStreamId, timestamp, body };
  return undefined;
}
