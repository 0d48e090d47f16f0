// Checks whether another server accepts the codecs of a stream. The codecs of legacy RTMP need no announcement. Newer codecs are sent only to a
// server that has announced them, because others close the connection or show a black picture.

import type { SluiceError } from '../protocols/errors.js';
import { type AudioCodecId, audioCodecName, type VideoCodecId, videoCodecName } from '../protocols/flv/codecs.js';
import type { EnhancedCapabilities } from '../protocols/rtmp/commands.js';
import { relayError } from './errors.js';
import type { RelayTag } from './stream-source.js';

/** Codecs that have a FourCC and no number of old RTMP. */
const VIDEO_FOUR_CC: Readonly<Partial<Record<VideoCodecId, string>>> = {
  hevc: 'hvc1',
  av1: 'av01',
  vp9: 'vp09',
  vp8: 'vp08',
  vvc: 'vvc1',
};
const AUDIO_FOUR_CC: Readonly<Partial<Record<AudioCodecId, string>>> = {
  opus: 'Opus',
  flac: 'fLaC',
  'ac-3': 'ac-3',
  'e-ac-3': 'ec-3',
};
const ANY = '*';

/** @param declared codecs that the server accepts according to the operator, such as `hevc` */
export function codecFault(
  tag: RelayTag,
  capabilities: EnhancedCapabilities,
  declared: readonly string[],
): SluiceError | undefined {
  const { kind, codec } = tag;
  if (codec === undefined || declared.includes(codec)) return undefined;
  const isVideo = kind === 'video';
  const fourCc = isVideo ? VIDEO_FOUR_CC[codec as VideoCodecId] : AUDIO_FOUR_CC[codec as AudioCodecId];
  if (fourCc === undefined) return undefined;
  const map = isVideo ? capabilities.videoFourCcInfoMap : capabilities.audioFourCcInfoMap;
  const announced = [...(capabilities.fourCcList ?? []), ...(map?.keys() ?? [])];
  if (announced.includes(fourCc) || announced.includes(ANY)) return undefined;
  const name = isVideo ? videoCodecName(codec as VideoCodecId) : audioCodecName(codec as AudioCodecId);
  const takes = isVideo ? 'h264' : 'aac';
  return relayError('relay.codec', `announces only ${takes}; the stream has ${name}`);
}
