// Decides which AAC browsers can play. The object type alone is not enough: they also reject some channel layouts and sample rates of
// AAC-LC.
import { AAC_LC } from '../protocols/mp4/aac.js';
import type { SourceAudio } from './describe-source.js';

/**
 * Highest channel configuration of ISO/IEC 14496-3 table 1.19 that all browsers decode: 1 to 6 are mono to 5.1. With 0, a program config
 * element defines the layout, which Chromium does not read in MP4. The decoder of Windows supports at most 5.1.
 */
const MAX_CHANNEL_CONFIGURATION = 6;
/** Sample rates of the core coder, in Hz, that the decoders of both Windows and macOS support. */
const SAMPLE_RATES: ReadonlySet<number> = new Set([
  8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
]);
const SAMPLES_PER_FRAME = 1024;

type AacAudio = Extract<SourceAudio, { readonly codec: 'aac' }>;

/** @returns why browsers do not play it, as the end of a sentence that begins "browsers do not play"; undefined if they play it */
export function reasonAgainstAac(audio: AacAudio): string | undefined {
  const { objectType, channels, channelConfiguration = channels, samplesPerFrame = SAMPLES_PER_FRAME } = audio;
  if (objectType !== AAC_LC) return `AAC of object type ${objectType}`;
  if (channelConfiguration === 0) return `AAC whose ${channels} channels are listed in a program config element`;
  if (channelConfiguration > MAX_CHANNEL_CONFIGURATION) return `AAC of ${channels} channels`;
  if (!SAMPLE_RATES.has(audio.sampleRate)) return `AAC of ${audio.sampleRate} Hz`;
  if (samplesPerFrame !== SAMPLES_PER_FRAME) return `AAC with ${samplesPerFrame} samples to a frame`;
  return undefined;
}
