// All codecs that RTMP encoders may send, by legacy number and FourCC, with their display names.

/** Video codecs known by name here. The application decides which of them it can serve. */
export type VideoCodecId =
  | 'avc'
  | 'hevc'
  | 'vvc'
  | 'av1'
  | 'vp8'
  | 'vp9'
  | 'sorenson-h263'
  | 'vp6'
  | 'vp6-alpha'
  | 'screen'
  | 'screen-2';

export type AudioCodecId =
  | 'aac'
  | 'mp3'
  | 'opus'
  | 'flac'
  | 'ac-3'
  | 'e-ac-3'
  | 'pcm'
  | 'adpcm'
  | 'nellymoser'
  | 'g711-alaw'
  | 'g711-mulaw'
  | 'speex';

/** An unknown codec number or FourCC; printable, at most 16 characters. */
export interface UnknownCodec {
  readonly unsupported: string;
}

export type VideoCodec = VideoCodecId | UnknownCodec;
export type AudioCodec = AudioCodecId | UnknownCodec;

/** FLV 10.1 E.4.3.1 CodecID. 12 was never standardized, but HEVC encoders used it before Enhanced RTMP. */
export const LEGACY_VIDEO_CODECS: Readonly<Record<number, VideoCodecId>> = {
  2: 'sorenson-h263',
  3: 'screen',
  4: 'vp6',
  5: 'vp6-alpha',
  6: 'screen-2',
  7: 'avc',
  12: 'hevc',
  13: 'av1',
  14: 'vvc',
};

/** FLV 10.1 E.4.2.1 SoundFormat. 13 is a private number that some encoders use for Opus. */
export const LEGACY_AUDIO_CODECS: Readonly<Record<number, AudioCodecId>> = {
  0: 'pcm',
  1: 'adpcm',
  2: 'mp3',
  3: 'pcm',
  4: 'nellymoser',
  5: 'nellymoser',
  6: 'nellymoser',
  7: 'g711-alaw',
  8: 'g711-mulaw',
  10: 'aac',
  11: 'speex',
  13: 'opus',
  14: 'mp3',
};

/** Enhanced RTMP v2, "Enhanced Video": VideoFourCc. */
const VIDEO_FOURCC: ReadonlyMap<string, VideoCodecId> = new Map([
  ['avc1', 'avc'],
  ['hvc1', 'hevc'],
  ['vvc1', 'vvc'],
  ['av01', 'av1'],
  ['vp08', 'vp8'],
  ['vp09', 'vp9'],
]);

/** Enhanced RTMP v2, "Enhanced Audio": AudioFourCc. */
const AUDIO_FOURCC: ReadonlyMap<string, AudioCodecId> = new Map([
  ['mp4a', 'aac'],
  ['.mp3', 'mp3'],
  ['Opus', 'opus'],
  ['fLaC', 'flac'],
  ['ac-3', 'ac-3'],
  ['ec-3', 'e-ac-3'],
]);

const VIDEO_NAMES: Readonly<Record<VideoCodecId, string>> = {
  avc: 'H.264',
  hevc: 'HEVC',
  vvc: 'VVC (H.266)',
  av1: 'AV1',
  vp8: 'VP8',
  vp9: 'VP9',
  'sorenson-h263': 'Sorenson H.263',
  vp6: 'On2 VP6',
  'vp6-alpha': 'On2 VP6 with alpha',
  screen: 'Screen video',
  'screen-2': 'Screen video 2',
};

const AUDIO_NAMES: Readonly<Record<AudioCodecId, string>> = {
  aac: 'AAC',
  mp3: 'MP3',
  opus: 'Opus',
  flac: 'FLAC',
  'ac-3': 'AC-3',
  'e-ac-3': 'E-AC-3',
  pcm: 'PCM',
  adpcm: 'ADPCM',
  nellymoser: 'Nellymoser',
  'g711-alaw': 'G.711 A-law',
  'g711-mulaw': 'G.711 mu-law',
  speex: 'Speex',
};

export function videoCodecOfFourCc(fourCc: string): VideoCodec {
  return VIDEO_FOURCC.get(fourCc) ?? { unsupported: printableFourCc(fourCc) };
}

export function audioCodecOfFourCc(fourCc: string): AudioCodec {
  return AUDIO_FOURCC.get(fourCc) ?? { unsupported: printableFourCc(fourCc) };
}

/** The common name of the codec, for messages. */
export function videoCodecName(codec: VideoCodec): string {
  return typeof codec === 'string' ? VIDEO_NAMES[codec] : codec.unsupported;
}

export function audioCodecName(codec: AudioCodec): string {
  return typeof codec === 'string' ? AUDIO_NAMES[codec] : codec.unsupported;
}

/** Replaces unprintable characters: a FourCC comes from a peer and is shown in messages. */
function printableFourCc(fourCc: string): string {
  return `FourCC "${fourCc.replace(/[^\x21-\x7e]/g, '?')}"`;
}
