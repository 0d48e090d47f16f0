// The registry of what a stream refuses, worded for the person in front of the encoder: the message reaches OBS as it is.
import { defineErrors } from '../protocols/errors.js';

export const liveError = defineErrors({
  'live.name-taken': {
    kind: 'invalid-state',
    summary: 'Another publisher is sending under this name; use another stream name or stop the other one.',
  },
  'live.stream-limit': { kind: 'limit', summary: 'The gateway already carries its maximum number of streams.' },
  'live.ended': { kind: 'invalid-state', summary: 'The stream has ended, so nothing more can be published to it.' },
  'live.video-codec': {
    kind: 'unsupported',
    summary: 'The video codec cannot be served; set the encoder to H.264.',
  },
  'live.audio-codec': { kind: 'unsupported', summary: 'The audio codec cannot be served; set the encoder to AAC.' },
  'live.codec-changed': {
    kind: 'unsupported',
    summary: 'The audio codec changed while publishing; stop and start the stream instead.',
  },
  'live.no-sequence-header': {
    kind: 'invalid-data',
    summary: 'Video came for ten seconds without the H.264 sequence header that is needed to decode it.',
  },
  'live.no-key-frame': {
    kind: 'invalid-data',
    summary: 'Video came for twenty seconds without a key frame; set a key frame interval of 1 to 4 s in the encoder.',
  },
});
