// HE-AAC that is announced as LC stops players, and a sample rate of 0 stopped servers, so these few bits need care.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import { parseAudioSpecificConfig } from '../../../src/protocols/mp4/aac.js';
import { aacCodecString } from '../../../src/protocols/mp4/codec-string.js';
import { BitWriter } from './bit-writer.js';

const explicitSbr = new BitWriter().bits(5, 5).bits(6, 4).bits(2, 4).bits(3, 4).bits(2, 5).bits(0, 3).toBuffer();
const explicitPs = new BitWriter().bits(29, 5).bits(6, 4).bits(1, 4).bits(3, 4).bits(2, 5).bits(0, 3).toBuffer();
const implicitSbr = new BitWriter()
  .bits(2, 5)
  .bits(6, 4)
  .bits(1, 4)
  .bits(0, 3)
  .bits(0x2b7, 11)
  .bits(5, 5)
  .bits(1, 1)
  .bits(3, 4)
  .bits(0x548, 11)
  .bits(1, 1)
  .toBuffer();
const escapedRate = new BitWriter().bits(2, 5).bits(15, 4).bits(47_999, 24).bits(2, 4).bits(0, 3).toBuffer();
const escapedType = new BitWriter()
  .bits(31, 5)
  .bits(42 - 32, 6)
  .bits(3, 4)
  .bits(2, 4)
  .toBuffer();
const shortFrames = new BitWriter().bits(2, 5).bits(3, 4).bits(2, 4).bits(1, 1).bits(0, 2).toBuffer();
/** Front: one pair and one single; back: one pair; one LFE; a comment of two bytes. */
const programConfig = new BitWriter()
  .bits(2, 5)
  .bits(3, 4)
  .bits(0, 4)
  .bits(0, 3)
  .bits(0, 4)
  .bits(1, 2)
  .bits(3, 4)
  .bits(2, 4)
  .bits(0, 4)
  .bits(1, 4)
  .bits(1, 2)
  .bits(0, 3)
  .bits(0, 4)
  .bits(0, 3)
  .bits(1, 1)
  .bits(0, 4)
  .bits(0, 1)
  .bits(0, 4)
  .bits(1, 1)
  .bits(0, 4)
  .bits(0, 4)
  .bits(0, 6) // to the byte boundary
  .bits(2, 8)
  .bits(0x4142, 16)
  .toBuffer();

describe('parseAudioSpecificConfig', () => {
  it.each([
    [
      '44.1 kHz stereo LC (1210)',
      Buffer.from('1210', 'hex'),
      { objectType: 2, sampleRate: 44_100, channels: 2, sbr: false },
      'mp4a.40.2',
    ],
    [
      '48 kHz stereo LC (1190)',
      Buffer.from('1190', 'hex'),
      { sampleRate: 48_000, channels: 2, samplesPerFrame: 1024 },
      'mp4a.40.2',
    ],
    ['48 kHz 7.1 (11b8)', Buffer.from('11b8', 'hex'), { sampleRate: 48_000, channels: 8 }, 'mp4a.40.2'],
    [
      'FFmpeg 48 kHz with the sync extension that says no SBR',
      Buffer.from('119056e500', 'hex'),
      { sbr: false, outputSampleRate: 48_000 },
      'mp4a.40.2',
    ],
    [
      'explicit SBR',
      explicitSbr,
      { objectType: 2, sampleRate: 24_000, outputSampleRate: 48_000, sbr: true, ps: false },
      'mp4a.40.5',
    ],
    [
      'explicit PS',
      explicitPs,
      { objectType: 2, sampleRate: 24_000, outputSampleRate: 48_000, channels: 1, outputChannels: 2, ps: true },
      'mp4a.40.29',
    ],
    [
      'backward compatible SBR and PS',
      implicitSbr,
      { sampleRate: 24_000, outputSampleRate: 48_000, sbr: true, ps: true, outputChannels: 2 },
      'mp4a.40.29',
    ],
    ['a sample rate by escape value', escapedRate, { sampleRate: 47_999, channels: 2 }, 'mp4a.40.2'],
    ['an object type by escape value', escapedType, { objectType: 42, sampleRate: 48_000, channels: 2 }, 'mp4a.40.42'],
    ['frames of 960 samples', shortFrames, { samplesPerFrame: 960 }, 'mp4a.40.2'],
    ['channels by program config element', programConfig, { channels: 6 }, 'mp4a.40.2'],
  ])('B2.01 reads %s', (_name, config, expected, codec) => {
    const parsed = parseAudioSpecificConfig(config);
    expect(parsed).toMatchObject(expected);
    expect(aacCodecString(parsed)).toBe(codec);
  });

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['one byte', Buffer.from('12', 'hex')],
    ['object type 0', Buffer.from('0210', 'hex')],
    ['a reserved sample rate index', new BitWriter().bits(2, 5).bits(13, 4).bits(2, 4).bits(0, 3).toBuffer()],
    ['a sample rate of 0', new BitWriter().bits(2, 5).bits(15, 4).bits(0, 24).bits(2, 4).bits(0, 3).toBuffer()],
    ['a reserved channel configuration', new BitWriter().bits(2, 5).bits(3, 4).bits(9, 4).bits(0, 3).toBuffer()],
  ])('A7.10 refuses %s with a typed error', (_name, config) => {
    expect(() => parseAudioSpecificConfig(config)).toThrow(
      expect.objectContaining({ code: 'mp4.audio-configuration', kind: 'invalid-data' }),
    );
  });

  it('C2.13 ends in a value or one typed error for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const { sampleRate, channels } = parseAudioSpecificConfig(bytes);
          expect(sampleRate).toBeGreaterThan(0);
          expect(channels).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
