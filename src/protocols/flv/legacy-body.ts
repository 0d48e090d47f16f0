// FFmpeg reads H.264 and AAC in FLV only behind their legacy heads, so an Enhanced RTMP message of those codecs gets one.
import type { AudioTag } from './audio-tag.js';
import type { VideoTag } from './video-tag.js';

/** FLV 10.1 E.4.3.1: codec id of AVC. */
const LEGACY_AVC = 7;
/** FLV 10.1 E.4.2.1: AAC is always announced as 44 kHz, 16 bit, stereo; its AudioSpecificConfig decides. */
const LEGACY_AAC_HEAD = 0xaf;

/** A copy of an AVC message with the legacy head. */
export function legacyAvcBody(tag: VideoTag): Buffer {
  const body = Buffer.allocUnsafe(5 + tag.data.length);
  body.writeUInt8(((tag.keyFrame ? 1 : 2) << 4) | LEGACY_AVC, 0);
  body.writeUInt8(tag.packetType === 'sequence-header' ? 0 : 1, 1);
  body.writeIntBE(tag.compositionTime, 2, 3);
  tag.data.copy(body, 5);
  return body;
}

/** A copy of an AAC message with the legacy head. */
export function legacyAacBody(tag: AudioTag): Buffer {
  const body = Buffer.allocUnsafe(2 + tag.data.length);
  body.writeUInt8(LEGACY_AAC_HEAD, 0);
  body.writeUInt8(tag.packetType === 'sequence-header' ? 0 : 1, 1);
  tag.data.copy(body, 2);
  return body;
}
