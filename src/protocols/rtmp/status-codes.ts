// Status codes and descriptions for peers. Encoders match the codes; people read the descriptions.

import { type AmfObject, amfObject } from '../amf/values.js';

/** Codes of `onStatus` and `_error` that end in an error for the peer. */
export type RejectionCode =
  | 'NetStream.Publish.BadName'
  | 'NetStream.Publish.Denied'
  | 'NetStream.Publish.Rejected'
  | 'NetStream.Failed'
  | 'NetConnection.Connect.InvalidApp'
  | 'NetConnection.Connect.Rejected'
  | 'NetStream.Play.StreamNotFound'
  | 'NetStream.Play.Failed';

export interface StatusReason {
  readonly code: RejectionCode;
  /** Shown to a person by OBS and FFmpeg. Must contain no secret. */
  readonly description: string;
}

/** The information object of `onStatus`, `_result` and `_error` (RTMP 1.0 7.2.2). */
export function statusObject(level: 'status' | 'error', code: string, description: string): AmfObject {
  return amfObject([
    ['level', level],
    ['code', code],
    ['description', description],
  ]);
}
