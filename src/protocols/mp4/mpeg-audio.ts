// Parses the MP3 frame header. MP3 has no sequence header, and FLV can express only four sample rates.
import { mp4Error } from './errors.js';

/** ISO/IEC 11172-3 2.4.1.3 and ISO/IEC 13818-3. */
export interface MpegAudioHeader {
  /** 1, 2 or 2.5. */
  readonly version: 1 | 2 | 2.5;
  readonly layer: 1 | 2 | 3;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** PCM samples per channel in one frame. */
  readonly samplesPerFrame: number;
}

const MPEG1_RATES: readonly number[] = [44_100, 48_000, 32_000];

/** @throws mp4.audio-frame */
export function parseMpegAudioHeader(frame: Buffer): MpegAudioHeader {
  const header = frame.length < 4 ? 0 : frame.readUInt32BE(0);
  const versionBits = (header >>> 19) & 0x03;
  const layerBits = (header >>> 17) & 0x03;
  const bitrate = (header >>> 12) & 0x0f;
  const rate = MPEG1_RATES[(header >>> 10) & 0x03];
  if (header >>> 21 !== 0x7ff || versionBits === 1 || layerBits === 0 || bitrate === 15 || rate === undefined) {
    throw mp4Error('mp4.audio-frame', `got 0x${header.toString(16)}, expected an MPEG audio frame header`);
  }
  const version = versionBits === 3 ? 1 : versionBits === 2 ? 2 : 2.5;
  const layer = layerBits === 3 ? 1 : layerBits === 2 ? 2 : 3;
  return {
    version,
    layer,
    sampleRate: version === 1 ? rate : version === 2 ? rate / 2 : rate / 4,
    channels: ((header >>> 6) & 0x03) === 3 ? 1 : 2,
    samplesPerFrame: layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152,
  };
}
