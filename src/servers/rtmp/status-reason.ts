// Converts errors to the status code that an encoder understands and the text that it shows to a person.

import { assertNever, type SluiceError } from '../../protocols/errors.js';
import type { StatusReason } from '../../protocols/rtmp/status-codes.js';
import { printable } from './log-fields.js';

/** With these codes, OBS and FFmpeg show the description and stop (docs/behaviour.md, A4.15). */
export function toStatusReason(error: SluiceError): StatusReason {
  return { code: statusCode(error), description: printable(error.message) };
}

/** The same for players. */
export function toPlayStatusReason(error: SluiceError): StatusReason {
  const found = error.code !== 'rtmp-server.stream-not-found';
  return {
    code: found ? 'NetStream.Play.Failed' : 'NetStream.Play.StreamNotFound',
    description: printable(error.message),
  };
}

function statusCode(error: SluiceError): StatusReason['code'] {
  if (error.code === 'live.name-taken') return 'NetStream.Publish.BadName';
  switch (error.kind) {
    case 'denied':
      return 'NetStream.Publish.Denied';
    case 'limit':
    case 'unsupported':
    case 'invalid-data':
    case 'invalid-state':
      return 'NetStream.Publish.Rejected';
    case 'unavailable':
      return 'NetStream.Failed';
    default:
      return assertNever(error.kind);
  }
}
