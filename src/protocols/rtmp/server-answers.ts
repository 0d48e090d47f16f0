// The answers of the server, in the order and on the message streams that encoders expect from Flash Media Server.

import { encodeAmf0 } from '../amf/amf0-encoder.js';
import { type AmfValue, amfObject } from '../amf/values.js';
import type { ConnectCommand } from './commands.js';
import { capabilitiesFor } from './enhanced-capabilities.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';
import type { CommandMessage, DataMessage } from './messages.js';
import { type StatusReason, statusObject } from './status-codes.js';

/** Version and capabilities of the Flash Media Server for which encoders were written. Clients only log them. */
const SERVER_PROPERTIES: readonly (readonly [string, AmfValue])[] = [
  ['fmsVer', 'FMS/3,5,7,7009'],
  ['capabilities', 31],
];

export interface ReconnectTarget {
  /** The address to which the client should reconnect; if absent, the same address. */
  readonly tcUrl?: string;
  readonly description: string;
}

/** RTMP 1.0 7.2.1.1. Always on message stream 0. */
export function connectSuccess({ transactionId, objectEncoding, enhanced }: ConnectCommand): CommandMessage {
  const information = statusObject('status', 'NetConnection.Connect.Success', 'Connection succeeded.');
  information.set('objectEncoding', objectEncoding);
  // The specification does not say in which of the two objects a client looks for capabilities.
  const capabilities = capabilitiesFor(enhanced);
  return connectionCommand('_result', transactionId, [
    amfObject([...SERVER_PROPERTIES, ...capabilities]),
    amfObject([...information, ...capabilities]),
  ]);
}

/** 7.2.1.1, `_error`. */
export function connectFailure(transactionId: number, reason: StatusReason): CommandMessage {
  return connectionCommand('_error', transactionId, [null, statusObject('error', reason.code, reason.description)]);
}

/** 7.2.1.3: null, then the id as a number of at least 1; old FFmpeg checks these very bytes. */
export function streamCreated(transactionId: number, messageStreamId: number): CommandMessage {
  return connectionCommand('_result', transactionId, [null, messageStreamId]);
}

/** An empty answer, for a peer that waits for one. */
export function emptyResult(transactionId: number): CommandMessage {
  return connectionCommand('_result', transactionId, [null, undefined]);
}

/**
 * Players ask for the duration of the stream. A live stream has none. The answer is 0 seconds, because FFmpeg reports an error for anything
 * that is not a number.
 */
export function streamLength(transactionId: number): CommandMessage {
  return connectionCommand('_result', transactionId, [null, 0]);
}

/** Flash Media Live Encoder, and encoders that imitate it, wait for this after FCPublish. */
export function fcPublished(): CommandMessage {
  return connectionCommand('onFCPublish', 0, [
    null,
    statusObject('status', 'NetStream.Publish.Start', 'FCPublish acknowledged.'),
  ]);
}

/** Players that imitate the Flash player announce themselves with FCSubscribe. */
export function fcSubscribed(): CommandMessage {
  return connectionCommand('onFCSubscribe', 0, [
    null,
    statusObject('status', 'NetStream.Play.Start', 'FCSubscribe acknowledged.'),
  ]);
}

/** Enhanced RTMP v2, "Reconnect Request". Sent on the connection, not on a stream. */
export function reconnectRequest({ tcUrl, description }: ReconnectTarget): CommandMessage {
  const information = statusObject('status', 'NetConnection.Connect.ReconnectRequest', description);
  if (tcUrl !== undefined) information.set('tcUrl', tcUrl);
  return connectionCommand('onStatus', 0, [null, information]);
}

/** Tells old Flash players that scripts may read the samples; some players wait for it. This is a data message, not a command. */
export function sampleAccess(messageStreamId: number): DataMessage {
  return { type: 'data', messageStreamId, timestamp: 0, body: encodeAmf0(['|RtmpSampleAccess', true, true]) };
}

/** 7.2.2: `onStatus`, on the message stream to which it refers, because GStreamer looks for it there. */
export function streamStatus(messageStreamId: number, code: string, description: string): CommandMessage {
  return status(messageStreamId, 'status', code, description);
}

export function streamError(messageStreamId: number, { code, description }: StatusReason): CommandMessage {
  return status(messageStreamId, 'error', code, description);
}

function status(messageStreamId: number, level: 'status' | 'error', code: string, description: string): CommandMessage {
  return {
    type: 'command',
    messageStreamId,
    name: 'onStatus',
    transactionId: 0,
    values: [null, statusObject(level, code, description)],
  };
}

function connectionCommand(name: string, transactionId: number, values: CommandMessage['values']): CommandMessage {
  return { type: 'command', messageStreamId: CONTROL_MESSAGE_STREAM, name, transactionId, values };
}
