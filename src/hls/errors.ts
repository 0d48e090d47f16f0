// The error codes that HLS answers or reports, shared by players, log lines and tests.
import { defineErrors } from '../protocols/errors.js';

export const hlsError = defineErrors({
  'hls.no-such-stream': {
    kind: 'unavailable',
    summary: 'No stream of this name is live, starting, or recently ended; check the name or start the encoder.',
  },
  'hls.no-such-rendition': {
    kind: 'unavailable',
    summary: 'The stream has no rendition of this name; its index.m3u8 lists those it has.',
  },
  'hls.no-such-file': {
    kind: 'unavailable',
    summary:
      'No such segment, part or init segment: it has left the window, was never hinted, or is not of this stream.',
  },
  'hls.not-playable-yet': {
    kind: 'unavailable',
    summary: 'The stream has started, but did not produce a complete segment within the time that a request may wait.',
  },
  'hls.publisher-awaited': {
    kind: 'unavailable',
    summary: 'The gateway was restarted, and the publisher of this stream has not come back yet; ask again.',
  },
  'hls.directive': {
    kind: 'invalid-data',
    summary: 'A _HLS_msn or _HLS_part directive is not a decimal number, or _HLS_part came without _HLS_msn.',
  },
  'hls.directive-too-far': {
    kind: 'invalid-data',
    summary: 'A blocking reload asked for media further ahead than RFC 8216bis 6.2.5.2 allows.',
  },
  'hls.reload-timeout': {
    kind: 'unavailable',
    summary: 'A request for a hinted part waited three target durations without new media; the source has stalled.',
  },
  'hls.reload-abandoned': {
    kind: 'unavailable',
    summary: 'The client disconnected while its request waited; nobody sees this answer.',
  },
  'hls.too-many-waiting': {
    kind: 'limit',
    summary: 'Too many requests wait for media of one rendition; retry.',
  },
  'hls.forced-cut': {
    kind: 'limit',
    summary:
      'Key frames are further apart than the target duration, so a segment was cut without one; set the encoder to a key frame every 2 s.',
  },
  'hls.pictures-paused': {
    kind: 'unavailable',
    summary:
      'The publisher sent no video for seconds while its audio continued; check its camera, capture card and processor load.',
  },
  'hls.sound-paused': {
    kind: 'unavailable',
    summary:
      'The publisher stopped sending audio while its video continued; players get silence. Check its microphone or audio source.',
  },
  'hls.irregular-timing': {
    kind: 'invalid-data',
    summary: 'A frame lasts longer than a part may; its duration was cut so that the playlist stays valid.',
  },
  'hls.missing-media': {
    kind: 'unavailable',
    summary: 'A rendition has no media for a segment the others have; it is listed as a gap.',
  },
  'hls.dvr-dropped': {
    kind: 'unavailable',
    summary:
      'The disk is full or too slow, or the memory for the index is full: the oldest segments that viewers could go back to were dropped; live viewing goes on.',
  },
  'hls.media-directory': {
    kind: 'invalid-state',
    summary: "The media directory holds files that are not Sluice's: choose an empty one.",
  },
  'hls.store-read': {
    kind: 'unavailable',
    summary: 'Media that is only on disk could not be read from the media directory.',
  },
  'hls.files-gone': {
    kind: 'unavailable',
    summary:
      'Somebody removed or replaced files of a live stream in the media directory. Media in memory is written again; the rest is no longer listed.',
  },
  'hls.store': {
    kind: 'unavailable',
    summary:
      'Media could not be written or removed below the media directory; viewing goes on from memory, and writing is tried again.',
  },
});
