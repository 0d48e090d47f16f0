// The error codes of recordings.

import { defineErrors } from '../protocols/errors.js';

export const recordingError = defineErrors({
  'recording.no-such-recording': {
    kind: 'unavailable',
    summary: 'There is no recording with this id, or it was removed; `/api/v1/recordings` lists those that exist.',
  },
  'recording.being-made': {
    kind: 'invalid-state',
    summary: 'The recording is still being made: it can be removed, or downloaded as MP4, when it is finished.',
  },
  'recording.no-such-stream': {
    kind: 'unavailable',
    summary: 'A recording cannot be started or stopped, because no stream of this name is live.',
  },
  'recording.directory': {
    kind: 'unavailable',
    summary:
      '`recordDir` cannot be used: it is not writable or readable, or it lies in the media or state directory. Give recordings a directory of their own.',
  },
  'recording.disk': {
    kind: 'unavailable',
    summary:
      'A recording cannot be written (full, slow or read-only disk). It is paused and continues by itself when there is room; the missing time is listed as a gap. Live streams are not affected.',
  },
  'recording.bucket': {
    kind: 'unavailable',
    summary:
      'The bucket does not take, list or remove objects; the log line and `/api/v1/bucket` say why. Recordings wait on disk, live streams go on, and it is tried again every few seconds.',
  },
  'recording.bucket-taken': {
    kind: 'invalid-state',
    summary:
      'Another gateway has written the live playlists of a stream in the bucket since this one did. This one stops sending the stream; its own viewers do not notice.',
  },
  'recording.damaged': {
    kind: 'invalid-data',
    summary:
      'A directory below `recordDir` cannot be read, or is named like a recording and has no usable `recording.json`. It is left as it is, and other recordings are not affected.',
  },
  'recording.clip': {
    kind: 'invalid-data',
    summary:
      'A clip cannot be made of the time that was asked for: nothing of it was recorded, or `to` is not after `from`. The message says which time there is.',
  },
  'recording.clip-limit': {
    kind: 'limit',
    summary:
      'Too many clips are being asked for at the same time, or viewers have made as many as `viewerClips` allows.',
  },
  'recording.mp4': {
    kind: 'unsupported',
    summary:
      'A recording cannot be downloaded as one MP4: it has no media, its codec changes in the middle, or it is longer than 12 hours. Play `/vod/ID/index.m3u8` instead.',
  },
  'recording.mp4-limit': {
    kind: 'limit',
    summary: 'Too many recordings are being prepared as MP4 at the same time. Try again soon.',
  },
});
