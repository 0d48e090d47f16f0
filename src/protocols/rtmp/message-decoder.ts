// Converts a raw message that is not media to a typed one. A type that a gateway need not understand becomes `unknown`, never an error.

import { decodeAmf0 } from '../amf/amf0-decoder.js';
import type { AmfLimits } from '../amf/budget.js';
import type { AmfValue } from '../amf/values.js';
import { SluiceError } from '../errors.js';
import { rtmpError } from './errors.js';
import { MESSAGE_TYPE, USER_CONTROL_EVENT } from './message-types.js';
import type { CommandMessage, MediaMessage, RawMessage, RtmpMessage, UserControlEvent } from './messages.js';

const LIMIT_TYPES = ['hard', 'soft', 'dynamic'] as const;
const AMF3_FORMAT_SELECTOR = 0x00;

/** Audio and video pass unchanged, see `mediaMessage`. */
export type DecodedMessage = Exclude<RtmpMessage, MediaMessage>;

/** @throws rtmp.command for a command that is not AMF or lacks a usable name or transaction id. */
export function decodeMessage(raw: RawMessage, amfLimits?: AmfLimits): DecodedMessage {
  const { body, messageStreamId, timestamp } = raw;
  switch (raw.type) {
    case MESSAGE_TYPE.dataAmf0:
      return { type: 'data', messageStreamId, timestamp, body };
    case MESSAGE_TYPE.dataAmf3:
      return { type: 'data', messageStreamId, timestamp, body: withoutFormatSelector(body) };
    case MESSAGE_TYPE.commandAmf0:
      return decodeCommand(body, messageStreamId, amfLimits);
    case MESSAGE_TYPE.commandAmf3:
      return decodeCommand(withoutFormatSelector(body), messageStreamId, amfLimits);
    case MESSAGE_TYPE.aggregate:
      return { type: 'aggregate', messageStreamId, timestamp, body };
    case MESSAGE_TYPE.userControl:
      return body.length < 2 ? unknown(raw) : { type: 'user-control', event: decodeUserControl(body) };
    default:
      return body.length < 4 ? unknown(raw) : decodeControl(raw);
  }
}

/** Protocol control messages, all of which start with a u32. */
function decodeControl(raw: RawMessage): DecodedMessage {
  const value = raw.body.readUInt32BE(0);
  switch (raw.type) {
    case MESSAGE_TYPE.setChunkSize:
      return { type: 'set-chunk-size', chunkSize: value };
    case MESSAGE_TYPE.abort:
      return { type: 'abort', chunkStreamId: value };
    case MESSAGE_TYPE.acknowledgement:
      return { type: 'acknowledgement', sequenceNumber: value };
    case MESSAGE_TYPE.windowAcknowledgementSize:
      return { type: 'window-acknowledgement-size', windowSize: value };
    case MESSAGE_TYPE.setPeerBandwidth:
      return {
        type: 'set-peer-bandwidth',
        windowSize: value,
        limitType: LIMIT_TYPES[raw.body[4] ?? 2] ?? 'dynamic',
      };
    default:
      return unknown(raw);
  }
}

function decodeUserControl(body: Buffer): UserControlEvent {
  const eventType = body.readUInt16BE(0);
  const data = body.subarray(2);
  if (data.length >= 4) {
    const value = data.readUInt32BE(0);
    if (eventType === USER_CONTROL_EVENT.streamBegin) return { type: 'stream-begin', messageStreamId: value };
    if (eventType === USER_CONTROL_EVENT.streamEof) return { type: 'stream-eof', messageStreamId: value };
    if (eventType === USER_CONTROL_EVENT.pingRequest) return { type: 'ping-request', timestamp: value };
    if (eventType === USER_CONTROL_EVENT.pingResponse) return { type: 'ping-response', timestamp: value };
    if (eventType === USER_CONTROL_EVENT.setBufferLength && data.length >= 8) {
      return { type: 'set-buffer-length', messageStreamId: value, bufferLength: data.readUInt32BE(4) };
    }
  }
  return { type: 'other', eventType, data };
}

function decodeCommand(body: Buffer, messageStreamId: number, amfLimits: AmfLimits | undefined): CommandMessage {
  const [name, transactionId, ...values] = decodeCommandValues(body, amfLimits);
  if (typeof name !== 'string') {
    throw rtmpError('rtmp.command', `got a command whose name is a ${typeof name}, expected a string`);
  }
  // Some peers send data messages (`|RtmpSampleAccess`, true, true) as commands. They have no transaction id, and no answer is expected.
  if (typeof transactionId !== 'number') {
    return { type: 'command', messageStreamId, name, transactionId: 0, values: [transactionId, ...values] };
  }
  if (!Number.isFinite(transactionId)) {
    throw rtmpError('rtmp.command', `got transaction id ${transactionId}, expected a finite number`);
  }
  return { type: 'command', messageStreamId, name, transactionId, values };
}

function decodeCommandValues(body: Buffer, amfLimits: AmfLimits | undefined): AmfValue[] {
  try {
    return decodeAmf0(body, amfLimits);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    throw rtmpError('rtmp.command', `a command is not usable AMF0: ${error.message}`, { cause: error });
  }
}

/** Messages of the AMF3 types start with a byte that selects the format. In practice it always selects AMF0, and some encoders omit it. */
function withoutFormatSelector(body: Buffer): Buffer {
  return body[0] === AMF3_FORMAT_SELECTOR ? body.subarray(1) : body;
}

function unknown(raw: RawMessage): DecodedMessage {
  return { type: 'unknown', messageType: raw.type };
}
