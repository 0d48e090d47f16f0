// How streams are processed: renditions, segments, retention, and overload.

import { Type } from 'typebox';
import { choice, count, seconds, text } from '../option-kinds.js';

/** `source`, `audio` or an even height from 64p to 4320p: the renditions that the transcoder can make. */
const RUNG =
  '^(source|audio|(6[468]|[7-9][02468]|[1-9][0-9][02468]|[1-3][0-9]{2}[02468]|4[0-2][0-9][02468]|43[01][02468]|4320)p)$';

const rung = Type.String({
  pattern: RUNG,
  expected: 'source, audio or an even height from 64p to 4320p, such as 720p',
});

export const streamOptions = {
  ladder: Type.Array(rung, {
    default: ['source', '720p', '480p', '360p'],
    minItems: 1,
    maxItems: 8,
    uniqueItems: true,
    placeholder: 'NAME,…',
    expected: 'different names, each source, audio or an even height from 64p to 4320p',
    description:
      "Renditions to offer: `source` (the publisher's own video) and even heights; heights above that of the source are left out. `audio` is always offered; alone it means no video.",
  }),
  segmentDuration: seconds(1, 30, {
    default: 2,
    description: 'Shortest duration of a segment; it ends at the next key frame of the publisher.',
  }),
  firstSegment: choice(['gop', 'part'], {
    default: 'gop',
    description:
      'Where the first segment of a stream ends if viewers wait for it: `gop` at the next key frame; `part` after its first part, so that players show a picture sooner. Its second segment then begins without a key frame.',
  }),
  partDuration: seconds(0.1, 5, {
    default: 0.5,
    description: 'Length of an LL-HLS part; at most `segmentDuration`.',
  }),
  windowSegments: count(6, 1000, {
    default: 10,
    unit: 'segments',
    description: 'Number of segments kept in the live playlists and in memory.',
  }),
  dvrWindow: text({
    default: 'off',
    pattern: '^(off|unlimited|[1-9][0-9]{0,6})$',
    placeholder: 'SECONDS|off|unlimited',
    expected: 'a whole number of seconds, off or unlimited',
    description:
      'How far viewers can go back while a stream is live. Older segments are read from `mediaDir`; the disk needs space for twice as much.',
  }),
  playlistType: choice(['live', 'event'], {
    default: 'live',
    description:
      '`event` marks playlists as EVENT: they list the stream from its beginning, as with `dvrWindow` unlimited.',
  }),
  resumeWindow: seconds(0, 3600, {
    default: 15,
    description:
      'How long a stream waits for its publisher to return; players then continue with the same playlists. 0 ends them at once.',
  }),
  slate: Type.Optional(
    text({
      placeholder: 'FILE',
      fallback: 'none',
      description:
        'Image or clip (without its sound) that viewers see while a stream waits for its publisher (`resumeWindow`). Encoded as H.264 and AAC by FFmpeg for each stream that waits; streams with other codecs wait without it.',
    }),
  ),
  maxGop: seconds(1, 60, {
    default: 10,
    description:
      'Longest time between key frames of a publisher; beyond it `source` is encoded again, with regular key frames.',
  }),
  maxTranscodes: count(0, 1000, {
    default: 0,
    unit: 'streams',
    description:
      'Maximum number of streams whose video is encoded at the same time; further ones are served without encoding. With 0, the load of the processors decides.',
  }),
  thumbnails: choice(['on', 'off'], {
    default: 'on',
    description:
      'Whether each stream has a picture at `/hls/APP/NAME/thumbnail.jpg`. FFmpeg makes it on request, at most once per segment.',
  }),
  onOverload: choice(['shed', 'keep'], {
    default: 'shed',
    description:
      'What happens if FFmpeg does not keep up: `shed` withdraws the most expensive rendition, then the next; `keep` keeps them all, late and with gaps.',
  }),
};
