// Which codecs the FFmpeg in use can read out of FLV: the container, not the decoder, is what older versions lack.
import { type AudioCodecId, audioCodecName, videoCodecName } from '../protocols/flv/codecs.js';
import type { SourceVideoCodec } from './describe-source.js';
import { transcodeError } from './errors.js';
import type { FfmpegInstallation } from './ffmpeg-installation.js';
import { fedTracks, type TranscodePlan } from './rendition-spec.js';

/** The part of an installation that decides; no list of decoders: it has all. */
export type FlvReader = Pick<FfmpegInstallation, 'enhancedRtmp' | 'enhancedRtmpAudio' | 'versionText'> &
  Partial<Pick<FfmpegInstallation, 'decoders'>>;

type Codec = SourceVideoCodec | AudioCodecId;

/** FFmpeg's decoders for each codec; any one of a list will do. */
const DECODERS: Readonly<Record<Codec, readonly string[]>> = {
  avc: ['h264'],
  hevc: ['hevc'],
  // The built-in one named av1 needs a graphics card.
  av1: ['libdav1d', 'libaom-av1'],
  vp9: ['vp9', 'libvpx-vp9'],
  aac: ['aac', 'libfdk_aac'],
  mp3: ['mp3float', 'mp3'],
  opus: ['opus', 'libopus'],
  flac: ['flac'],
  'ac-3': ['ac3'],
  'e-ac-3': ['eac3'],
  pcm: ['pcm_s16le'],
  adpcm: ['adpcm_swf'],
  nellymoser: ['nellymoser'],
  'g711-alaw': ['pcm_alaw'],
  'g711-mulaw': ['pcm_mulaw'],
  speex: ['speex', 'libspeex'],
};

export function canReadFromFlv(codec: Codec, ffmpeg: FlvReader): boolean {
  return reasonAgainst(codec, ffmpeg) === undefined;
}

/**
 * Called with a plan before its FFmpeg is started, so that the publisher hears why instead of watching restarts.
 * @throws transcode.codec-unreadable when something has to be encoded from a track that this FFmpeg cannot read
 */
export function requireReadable(plan: Pick<TranscodePlan, 'source' | 'renditions'>, ffmpeg: FlvReader): void {
  const fed = fedTracks(plan);
  const { video, audio } = plan.source;
  if (fed.video && video !== undefined) refuseUnreadable(video.codec, videoCodecName(video.codec), ffmpeg);
  if (fed.audio && audio !== undefined) refuseUnreadable(audio.codec, audioCodecName(audio.codec), ffmpeg);
}

function refuseUnreadable(codec: Codec, name: string, ffmpeg: FlvReader): void {
  const reason = reasonAgainst(codec, ffmpeg);
  if (reason !== undefined) throw transcodeError('transcode.codec-unreadable', `got ${name}, but ${reason}`);
}

function reasonAgainst(codec: Codec, ffmpeg: FlvReader): string | undefined {
  const { decoders, versionText } = ffmpeg;
  const needed = DECODERS[codec];
  switch (codec) {
    case 'hevc':
    case 'av1':
    case 'vp9':
      if (!ffmpeg.enhancedRtmp) return `FFmpeg ${versionText} cannot read it from FLV, 6.1 and later can`;
      break;
    case 'opus':
    case 'flac':
    case 'ac-3':
    case 'e-ac-3':
      if (!ffmpeg.enhancedRtmpAudio) return `FFmpeg ${versionText} cannot read it from FLV, 8.0 and later can`;
      break;
    default:
      break;
  }
  if (decoders === undefined || needed.some((name) => decoders.has(name))) return undefined;
  return `FFmpeg ${versionText} was built without a decoder for it (${needed.join(' or ')})`;
}
