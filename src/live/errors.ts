// The error codes of a stream. Messages are written for the person at the encoder: FFmpeg prints them, and OBS writes them into its log.
import { defineErrors } from '../protocols/errors.js';

export const liveError = defineErrors({
  'live.name-taken': {
    kind: 'invalid-state',
    summary: 'Another publisher is sending under this name; use another stream name or stop the other one.',
  },
  'live.taken-over': {
    kind: 'invalid-state',
    summary:
      'Another publisher has taken over this name, because this one was silent or the gateway prefers the newest publisher.',
  },
  'live.stream-limit': { kind: 'limit', summary: 'The gateway already carries its maximum number of streams.' },
  'live.ended': { kind: 'invalid-state', summary: 'The stream has ended, so nothing more can be published to it.' },
  'live.video-codec': {
    kind: 'unsupported',
    summary: 'The video codec cannot be served; set the encoder to H.264.',
  },
  'live.audio-codec': { kind: 'unsupported', summary: 'The audio codec cannot be served; set the encoder to AAC.' },
  'live.video-configuration': {
    kind: 'invalid-data',
    summary: 'The decoder configuration of the video is broken; restart the encoder.',
  },
  'live.audio-configuration': {
    kind: 'invalid-data',
    summary: 'The decoder configuration of the audio is broken or never came; restart the encoder or set it to AAC.',
  },
  'live.extra-track': {
    kind: 'unsupported',
    summary: 'A further track is left out: only video tracks of the codec of the first one are used beside it.',
  },
  'live.repaired': {
    kind: 'invalid-data',
    summary:
      'Something of what the publisher sends is changed or left out so that players can take it; the message names the encoder setting.',
  },
  'live.codec-changed': {
    kind: 'unsupported',
    summary: 'The audio or video codec changed while publishing; stop and start the stream instead.',
  },
  'live.no-sequence-header': {
    kind: 'invalid-data',
    summary: 'Video came for ten seconds without the sequence header that is needed to decode it.',
  },
  'live.no-key-frame': {
    kind: 'invalid-data',
    summary: 'Video came for twenty seconds without a key frame; set a key frame interval of 1 to 4 s in the encoder.',
  },
  'live.timestamps': {
    kind: 'limit',
    summary: 'The timestamps of the publisher jumped too often within a minute; restart the encoder.',
  },
  'live.parameter-changes': {
    kind: 'limit',
    summary: 'Picture size or audio format changed too often within a minute; use a fixed output size in the encoder.',
  },
  'live.picture-limit': {
    kind: 'limit',
    summary: 'The pictures are larger than the gateway accepts; choose a smaller output size in the encoder.',
  },
  'live.frame-rate-limit': {
    kind: 'limit',
    summary: 'The frame rate is higher than the gateway accepts; choose a lower one in the encoder.',
  },
});
