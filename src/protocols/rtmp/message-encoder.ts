// Converts typed messages to raw ones, on the chunk streams on which strict peers expect them.

import { encodeAmf0 } from '../amf/amf0-encoder.js';
import { assertNever } from '../errors.js';
import { CHUNK_STREAM, CONTROL_MESSAGE_STREAM, MESSAGE_TYPE, USER_CONTROL_EVENT } from './message-types.js';
import type { CommandMessage, RawMessage, RtmpMessage, SetPeerBandwidth, UserControlEvent } from './messages.js';

/** Every message except `unknown`, which is only received. */
export type SendableMessage = Exclude<RtmpMessage, { readonly type: 'unknown' }>;

const LIMIT_TYPE_CODE = { hard: 0, soft: 1, dynamic: 2 } as const;

export function encodeMessage(message: SendableMessage): RawMessage {
  switch (message.type) {
    case 'set-chunk-size':
      return control(MESSAGE_TYPE.setChunkSize, u32(message.chunkSize));
    case 'abort':
      return control(MESSAGE_TYPE.abort, u32(message.chunkStreamId));
    case 'acknowledgement':
      return control(MESSAGE_TYPE.acknowledgement, u32(message.sequenceNumber));
    case 'window-acknowledgement-size':
      return control(MESSAGE_TYPE.windowAcknowledgementSize, u32(message.windowSize));
    case 'set-peer-bandwidth':
      return control(MESSAGE_TYPE.setPeerBandwidth, encodePeerBandwidth(message));
    case 'user-control':
      return control(MESSAGE_TYPE.userControl, encodeUserControl(message.event));
    case 'audio':
      return media(MESSAGE_TYPE.audio, CHUNK_STREAM.audio, message);
    case 'video':
      return media(MESSAGE_TYPE.video, CHUNK_STREAM.video, message);
    case 'aggregate':
      return media(MESSAGE_TYPE.aggregate, CHUNK_STREAM.video, message);
    case 'data':
      return media(MESSAGE_TYPE.dataAmf0, CHUNK_STREAM.audio, message);
    case 'command':
      return encodeCommand(message);
    default:
      return assertNever(message);
  }
}

function control(type: number, body: Buffer): RawMessage {
  return { chunkStreamId: CHUNK_STREAM.control, timestamp: 0, type, messageStreamId: CONTROL_MESSAGE_STREAM, body };
}

function media(
  type: number,
  chunkStreamId: number,
  { timestamp, messageStreamId, body }: Pick<RawMessage, 'timestamp' | 'messageStreamId' | 'body'>,
): RawMessage {
  return { chunkStreamId, timestamp, type, messageStreamId, body };
}

function encodeCommand({ name, transactionId, values, messageStreamId }: CommandMessage): RawMessage {
  return {
    chunkStreamId: commandChunkStream(name, messageStreamId),
    timestamp: 0,
    type: MESSAGE_TYPE.commandAmf0,
    messageStreamId,
    body: encodeAmf0([name, transactionId, ...values]),
  };
}

/** Flash Media Server answers connection commands on chunk stream 3 and reports stream status on 5; FFmpeg publishes on 8. */
function commandChunkStream(name: string, messageStreamId: number): number {
  if (messageStreamId === CONTROL_MESSAGE_STREAM) return CHUNK_STREAM.command;
  return name === 'publish' ? CHUNK_STREAM.publish : CHUNK_STREAM.status;
}

function encodePeerBandwidth({ windowSize, limitType }: SetPeerBandwidth): Buffer {
  return Buffer.concat([u32(windowSize), Buffer.of(LIMIT_TYPE_CODE[limitType])]);
}

function encodeUserControl(event: UserControlEvent): Buffer {
  switch (event.type) {
    case 'stream-begin':
      return Buffer.concat([u16(USER_CONTROL_EVENT.streamBegin), u32(event.messageStreamId)]);
    case 'stream-eof':
      return Buffer.concat([u16(USER_CONTROL_EVENT.streamEof), u32(event.messageStreamId)]);
    case 'set-buffer-length':
      return Buffer.concat([
        u16(USER_CONTROL_EVENT.setBufferLength),
        u32(event.messageStreamId),
        u32(event.bufferLength),
      ]);
    case 'ping-request':
      return Buffer.concat([u16(USER_CONTROL_EVENT.pingRequest), u32(event.timestamp)]);
    case 'ping-response':
      return Buffer.concat([u16(USER_CONTROL_EVENT.pingResponse), u32(event.timestamp)]);
    case 'other':
      return Buffer.concat([u16(event.eventType), event.data]);
    default:
      return assertNever(event);
  }
}

function u16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
