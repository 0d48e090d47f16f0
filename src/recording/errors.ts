// The error codes of recordings.

import { defineErrors } from '../protocols/errors.js';

export const recordingError = defineErrors({
  'recording.no-such-recording': {
    kind: 'unavailable',
    summary: 'There is no recording with this id, or it was removed; `/api/v1/recordings` lists those that exist.',
  },
  'recording.being-made': {
    kind: 'invalid-state',
    summary: 'The recording is still being made. Stop it first, then remove it.',
  },
  'recording.no-such-stream': {
    kind: 'unavailable',
    summary: 'A recording was to be started or stopped, but no stream of this name is live.',
  },
  'recording.directory': {
    kind: 'unavailable',
    summary:
      '`recordDir` cannot be used: it cannot be written, it holds files of others, or it lies in the media or state directory. Give a directory of its own.',
  },
  'recording.disk': {
    kind: 'unavailable',
    summary:
      'A recording cannot be written (full, slow or read-only disk). It is paused, live streams go on, and it continues by itself when there is room; what is missing is listed as a gap.',
  },
  'recording.damaged': {
    kind: 'invalid-data',
    summary:
      'A directory below `recordDir` has no usable `recording.json` or no playlists. It is left as it is, and other recordings are not affected.',
  },
  'recording.mp4': {
    kind: 'unsupported',
    summary:
      'A recording cannot be downloaded as one MP4: it has no media, or its codec changes in the middle. Play it by `/vod/ID/index.m3u8` instead.',
  },
});
