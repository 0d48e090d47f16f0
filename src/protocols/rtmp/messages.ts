// A message of the chunk stream before it is interpreted, and all kinds of messages that it can be, as one closed union.

import type { AmfValue } from '../amf/values.js';
import type { Milliseconds } from '../units.js';

/** One message of the chunk stream (RTMP 1.0 6.1). */
export interface RawMessage {
  readonly chunkStreamId: number;
  /** u32 as on the wire, with deltas added. It wraps (5.3.1.2; serial arithmetic, section 3). */
  readonly timestamp: Milliseconds;
  /** Message type id, see `MESSAGE_TYPE`; any value from 0 to 255. */
  readonly type: number;
  readonly messageStreamId: number;
  /** When it comes from the decoder: a buffer of exactly this message, not shared. */
  readonly body: Buffer;
}

/** All messages that a peer can send after the handshake. */
export type RtmpMessage =
  | SetChunkSize
  | Abort
  | Acknowledgement
  | WindowAcknowledgementSize
  | SetPeerBandwidth
  | UserControl
  | MediaMessage
  | DataMessage
  | CommandMessage
  | AggregateMessage
  | UnknownMessage;

/** 5.4.1 */
export interface SetChunkSize {
  readonly type: 'set-chunk-size';
  /** Bytes. */
  readonly chunkSize: number;
}

/** 5.4.2 */
export interface Abort {
  readonly type: 'abort';
  readonly chunkStreamId: number;
}

/** 5.4.3 */
export interface Acknowledgement {
  readonly type: 'acknowledgement';
  /** Bytes received since the connection began, modulo 2^32. */
  readonly sequenceNumber: number;
}

/** 5.4.4 */
export interface WindowAcknowledgementSize {
  readonly type: 'window-acknowledgement-size';
  /** Bytes. */
  readonly windowSize: number;
}

/** 5.4.5 */
export interface SetPeerBandwidth {
  readonly type: 'set-peer-bandwidth';
  /** Bytes. */
  readonly windowSize: number;
  readonly limitType: 'hard' | 'soft' | 'dynamic';
}

/** 7.1.7 */
export interface UserControl {
  readonly type: 'user-control';
  readonly event: UserControlEvent;
}

export type UserControlEvent =
  | { readonly type: 'stream-begin' | 'stream-eof'; readonly messageStreamId: number }
  | { readonly type: 'set-buffer-length'; readonly messageStreamId: number; readonly bufferLength: Milliseconds }
  | { readonly type: 'ping-request'; readonly timestamp: number }
  | { readonly type: 'ping-response'; readonly timestamp: number }
  /** An event that is not handled here, or one with too few bytes. */
  | { readonly type: 'other'; readonly eventType: number; readonly data: Buffer };

/** 7.1.4 and 7.1.5. The body is that of an FLV tag. */
export interface MediaMessage {
  readonly type: 'audio' | 'video';
  readonly messageStreamId: number;
  readonly timestamp: Milliseconds;
  readonly body: Buffer;
}

/** 7.1.2. Kept as bytes, because not all data messages contain AMF. */
export interface DataMessage {
  readonly type: 'data';
  readonly messageStreamId: number;
  readonly timestamp: Milliseconds;
  /** AMF0, if it is AMF at all; the format selector byte of the AMF3 type has been removed. */
  readonly body: Buffer;
}

/** 7.1.1 */
export interface CommandMessage {
  readonly type: 'command';
  readonly messageStreamId: number;
  readonly name: string;
  /** 0 means that no answer is expected. */
  readonly transactionId: number;
  /** The values after the transaction id: the command object (often null), then the arguments. */
  readonly values: readonly AmfValue[];
}

/** 7.1.6 */
export interface AggregateMessage {
  readonly type: 'aggregate';
  readonly messageStreamId: number;
  readonly timestamp: Milliseconds;
  readonly body: Buffer;
}

/** Shared objects, types that the specification does not list, and control messages that are too short. */
export interface UnknownMessage {
  readonly type: 'unknown';
  readonly messageType: number;
}
