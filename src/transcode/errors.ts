// The error codes of transcoding, shared by logs, API and docs/errors.md.
import { defineErrors } from '../protocols/errors.js';

export const transcodeError = defineErrors({
  'transcode.ffmpeg-missing': {
    kind: 'unavailable',
    summary: 'No usable FFmpeg was found: each candidate is listed with the reason. Install FFmpeg or set FFMPEG_PATH.',
  },
  'transcode.ffmpeg-path-broken': {
    kind: 'unavailable',
    summary: 'FFMPEG_PATH names a program that does not work as FFmpeg with libx264 and aac; correct it or unset it.',
  },
  'transcode.source-invalid': {
    kind: 'invalid-data',
    summary: 'The sequence header of a track cannot be read, so the source cannot be described; check the encoder.',
  },
  'transcode.source-unsupported': {
    kind: 'unsupported',
    summary: 'The publisher sent a codec or a track layout that the ladder cannot be built from.',
  },
  'transcode.source-limit': {
    kind: 'limit',
    summary: 'The picture size or frame rate of the source is outside the documented limits.',
  },
  'transcode.ladder-invalid': {
    kind: 'invalid-data',
    summary:
      'The configured ladder names an unknown rendition or one twice; known are source, audio and heights like 720p.',
  },
  'transcode.ladder-empty': {
    kind: 'unsupported',
    summary: 'No rendition of the configured ladder fits the tracks of this source.',
  },
  'transcode.start-failed': {
    kind: 'unavailable',
    summary: 'The operating system could not start FFmpeg (missing file, no permission, no free file descriptors).',
  },
  'transcode.exited': {
    kind: 'unavailable',
    summary: 'FFmpeg ended while its input was still open; the last lines it wrote to stderr are in the text.',
  },
  'transcode.stalled': {
    kind: 'unavailable',
    summary: 'FFmpeg took input but wrote no output for too long, and was killed.',
  },
  'transcode.output-invalid': {
    kind: 'unavailable',
    summary: 'FFmpeg wrote something that cannot be used, so it was killed to be started again; the text says what.',
  },
  'transcode.thumbnail': {
    kind: 'unavailable',
    summary: 'No thumbnail could be made from a key frame; the text says why. The stream itself is not affected.',
  },
  'transcode.gave-up': {
    kind: 'unavailable',
    summary: 'FFmpeg failed too often in a short time, so the stream was ended; the text holds the last cause.',
  },
});
