// The words of the server, in the order and on the message streams that encoders have grown used to from Flash Media Server.

import { amfObject } from '../amf/values.js';
import type { ConnectCommand } from './commands.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';
import type { CommandMessage } from './messages.js';
import { type StatusReason, statusObject } from './status-codes.js';

/** Version and capabilities of the Flash Media Server that encoders were written against; both are only echoed in logs. */
const SERVER_PROPERTIES = amfObject([
  ['fmsVer', 'FMS/3,5,7,7009'],
  ['capabilities', 31],
]);

/** RTMP 1.0 7.2.1.1. Always on message stream 0. */
export function connectSuccess({ transactionId, objectEncoding }: ConnectCommand): CommandMessage {
  const information = statusObject('status', 'NetConnection.Connect.Success', 'Connection succeeded.');
  information.set('objectEncoding', objectEncoding);
  return connectionCommand('_result', transactionId, [SERVER_PROPERTIES, information]);
}

/** 7.2.1.1, `_error`. */
export function connectFailure(transactionId: number, reason: StatusReason): CommandMessage {
  return connectionCommand('_error', transactionId, [null, statusObject('error', reason.code, reason.description)]);
}

/** 7.2.1.3: null, then the id as a number of at least 1; old FFmpeg checks these very bytes. */
export function streamCreated(transactionId: number, messageStreamId: number): CommandMessage {
  return connectionCommand('_result', transactionId, [null, messageStreamId]);
}

/** An answer that says nothing, for whoever waits for one. */
export function emptyResult(transactionId: number): CommandMessage {
  return connectionCommand('_result', transactionId, [null, undefined]);
}

/** Flash Media Live Encoder and those that imitate it wait for this after FCPublish. */
export function fcPublished(): CommandMessage {
  return connectionCommand('onFCPublish', 0, [
    null,
    statusObject('status', 'NetStream.Publish.Start', 'FCPublish acknowledged.'),
  ]);
}

/** 7.2.2: `onStatus` on the message stream that it is about; GStreamer looks for it there. */
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
