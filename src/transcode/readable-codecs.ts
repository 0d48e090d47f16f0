// Decides which codecs the FFmpeg in use can read from FLV. Older versions lack the support in the container, not the decoder.
import type { AudioCodecId } from '../protocols/flv/codecs.js';
import type { SourceVideoCodec } from './describe-source.js';
import type { FfmpegInstallation } from './ffmpeg-installation.js';

/** The properties of an installation that matter for this. Without a list of decoders, all of them and tone mapping count as present. */
export type FlvReader = Pick<FfmpegInstallation, 'enhancedRtmp' | 'enhancedRtmpAudio' | 'versionText'> &
  Partial<Pick<FfmpegInstallation, 'decoders' | 'toneMapping'>>;

type Codec = SourceVideoCodec | AudioCodecId;

/** FFmpeg's decoders for each codec; one of them is enough. */
const DECODERS: Readonly<Record<Codec, readonly string[]>> = {
  avc: ['h264'],
  hevc: ['hevc'],
  // FFmpeg's built-in av1 decoder needs a graphics card.
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

/** Whether FFmpeg can encode from a track of this codec. Copying needs no FFmpeg. */
export function canReadFromFlv(codec: Codec, ffmpeg: FlvReader): boolean {
  return demuxes(codec, ffmpeg) && decodes(codec, ffmpeg);
}

function demuxes(codec: Codec, ffmpeg: FlvReader): boolean {
  switch (codec) {
    case 'hevc':
    case 'av1':
    case 'vp9':
      return ffmpeg.enhancedRtmp;
    case 'opus':
    case 'flac':
    case 'ac-3':
    case 'e-ac-3':
      return ffmpeg.enhancedRtmpAudio;
    default:
      return true;
  }
}

function decodes(codec: Codec, { decoders }: FlvReader): boolean {
  return decoders === undefined || DECODERS[codec].some((name) => decoders.has(name));
}
