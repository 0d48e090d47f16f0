// The error codes of MP4 and of the codec configurations in it.
import { defineErrors } from '../errors.js';

export const mp4Error = defineErrors({
  'mp4.box-size': {
    kind: 'invalid-data',
    summary: 'A box announces an impossible size: smaller than its header, larger than its parent, or open-ended.',
  },
  'mp4.box-limit': {
    kind: 'limit',
    summary: 'A box is larger than this program buffers; the writer produced one fragment for too much media.',
  },
  'mp4.box-order': {
    kind: 'invalid-data',
    summary:
      'Boxes came in an order that a fragmented file does not allow, for example a moof without a following mdat.',
  },
  'mp4.box-missing': { kind: 'invalid-data', summary: 'A box that the format requires is not there.' },
  'mp4.box-content': { kind: 'invalid-data', summary: 'The fields of a box contradict each other or end too early.' },
  'mp4.fragment': {
    kind: 'invalid-data',
    summary:
      'A movie fragment describes samples that are not inside its mdat, or uses an addressing mode CMAF forbids.',
  },
  'mp4.unsupported-codec': {
    kind: 'unsupported',
    summary: 'An init segment holds a sample entry, or a stream a codec, that this program cannot describe.',
  },
  'mp4.avc-configuration': {
    kind: 'invalid-data',
    summary: 'The AVC decoder configuration record (avcC) of the video is broken; restart the encoder.',
  },
  'mp4.sequence-parameter-set': {
    kind: 'invalid-data',
    summary: 'The H.264 or HEVC sequence parameter set is broken, so the picture size cannot be known.',
  },
  'mp4.audio-configuration': {
    kind: 'invalid-data',
    summary:
      'The AAC AudioSpecificConfig, OpusHead or FLAC STREAMINFO is broken, so the sample rate or channel count cannot be known.',
  },
  'mp4.hevc-configuration': {
    kind: 'invalid-data',
    summary: 'The HEVC decoder configuration record (hvcC) of the video is broken; restart the encoder.',
  },
  'mp4.av1-configuration': {
    kind: 'invalid-data',
    summary: 'The AV1 configuration record (av1C) or sequence header of the video is broken; restart the encoder.',
  },
  'mp4.vp9-configuration': {
    kind: 'invalid-data',
    summary: 'The VP9 configuration record (vpcC) or frame header of the video is broken; restart the encoder.',
  },
  'mp4.audio-frame': {
    kind: 'invalid-data',
    summary:
      'An AC-3, E-AC-3, MP3 or Opus frame does not begin as its format demands, so nothing can be known about it.',
  },
  'mp4.track-description': {
    kind: 'invalid-data',
    summary:
      'An init segment cannot be written: the picture size is not known yet, or a field is too large for its box.',
  },
});

export type Mp4ErrorCode = keyof typeof mp4Error.entries;
