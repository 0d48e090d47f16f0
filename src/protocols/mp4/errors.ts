// The registry of everything the MP4 room can refuse, so that each refusal has a stable code and a reason.
import { defineErrors } from '../errors.js';

export const mp4Error = defineErrors({
  'mp4.box-size': {
    kind: 'invalid-data',
    summary: 'A box announces a size that cannot be: smaller than its header, larger than its parent, or open-ended.',
  },
  'mp4.box-limit': {
    kind: 'limit',
    summary: 'A box is larger than this program buffers; the writer produced one fragment for too much media.',
  },
  'mp4.box-order': {
    kind: 'invalid-data',
    summary: 'Boxes came in an order a fragmented file does not allow, for example a moof not followed by its mdat.',
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
    summary: 'An init segment holds a sample entry this program cannot describe; it knows avc1/avc3 and mp4a.',
  },
  'mp4.avc-configuration': {
    kind: 'invalid-data',
    summary: 'The AVC decoder configuration record (avcC) of the video is broken; restart the encoder.',
  },
  'mp4.sequence-parameter-set': {
    kind: 'invalid-data',
    summary: 'The H.264 sequence parameter set is broken, so the picture size cannot be known.',
  },
  'mp4.audio-configuration': {
    kind: 'invalid-data',
    summary: 'The AAC AudioSpecificConfig is broken, so the sample rate or channel count cannot be known.',
  },
});
