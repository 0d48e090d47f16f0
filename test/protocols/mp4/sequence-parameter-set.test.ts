// Picture size and frame rate decide the whole ladder; each field that affects them has a case here.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import {
  parseSequenceParameterSet,
  removeEmulationPrevention,
} from '../../../src/protocols/mp4/sequence-parameter-set.js';
import { addEmulationPrevention, type BitWriter, buildSps, type SpsFields } from './bit-writer.js';

/** VUI of nothing but timing. */
function timing(unitsInTick: number, timeScale: number): (bits: BitWriter) => void {
  return (bits) => {
    bits.flag(false).flag(false).flag(false).flag(false);
    bits.flag(true).bits(unitsInTick, 32).bits(timeScale, 32).flag(true);
    bits.flag(false).flag(false).flag(false).flag(false);
  };
}

const cases: readonly { name: string; fields: SpsFields; expected: object }[] = [
  {
    name: 'baseline, no cropping',
    fields: { widthInMacroblocks: 20, heightInMapUnits: 15 },
    expected: { width: 320, height: 240, profile: 66, level: 31, sarNum: 1, sarDen: 1, interlaced: false },
  },
  {
    name: '1080p: 1088 coded rows, 8 cropped',
    fields: { chroma: { format: 1 }, widthInMacroblocks: 120, heightInMapUnits: 68, crop: [0, 0, 0, 4] },
    expected: { width: 1920, height: 1080, profile: 100, chromaFormat: 1 },
  },
  {
    name: '1080i: map units are pairs of rows, crop units too',
    fields: {
      chroma: { format: 1 },
      widthInMacroblocks: 120,
      heightInMapUnits: 34,
      interlaced: true,
      crop: [0, 0, 0, 2],
    },
    expected: { width: 1920, height: 1080, interlaced: true },
  },
  {
    name: '4:2:2: vertical crop counts single rows',
    fields: {
      profile: 122,
      chroma: { format: 2, bitDepth: 10 },
      widthInMacroblocks: 40,
      heightInMapUnits: 23,
      crop: [1, 1, 4, 4],
    },
    expected: { width: 636, height: 360, bitDepthLuma: 10, bitDepthChroma: 10, chromaFormat: 2 },
  },
  {
    name: 'scaling lists that end early (next scale 0) and one of full length',
    fields: {
      scalingLists: [[-8], undefined, Array.from({ length: 16 }, () => 1), undefined, undefined, undefined, [8, -16]],
      widthInMacroblocks: 45,
      heightInMapUnits: 36,
    },
    expected: { width: 720, height: 576 },
  },
  {
    name: 'picture order count type 1',
    fields: { pocType: 1, widthInMacroblocks: 20, heightInMapUnits: 15 },
    expected: { width: 320, height: 240 },
  },
  {
    name: 'picture order count type 0',
    fields: { pocType: 0, widthInMacroblocks: 20, heightInMapUnits: 15 },
    expected: { width: 320, height: 240 },
  },
  {
    name: 'timing 30000/1001, full of emulation prevention bytes',
    fields: { widthInMacroblocks: 80, heightInMapUnits: 45, vui: timing(1001, 60_000) },
    expected: { width: 1280, height: 720, frameRate: 30_000 / 1001 },
  },
  {
    name: 'timing with a time scale of 32 bits',
    fields: { widthInMacroblocks: 80, heightInMapUnits: 45, vui: timing(80_000_000, 4_000_000_000) },
    expected: { frameRate: 25 },
  },
  {
    name: 'invalid timing is ignored',
    fields: { widthInMacroblocks: 80, heightInMapUnits: 45, vui: timing(0, 60_000) },
    expected: { frameRate: undefined },
  },
  {
    name: 'PAL anamorphic by table E-1',
    fields: {
      widthInMacroblocks: 45,
      heightInMapUnits: 36,
      vui: (bits) =>
        bits.flag(true).bits(4, 8).flag(false).flag(false).flag(false).flag(false).flag(false).flag(false).bits(0, 2),
    },
    expected: { width: 720, height: 576, sarNum: 16, sarDen: 11 },
  },
  {
    name: 'extended SAR, overscan, colours, chroma location, both HRDs, bitstream restriction',
    fields: {
      widthInMacroblocks: 45,
      heightInMapUnits: 36,
      vui: (bits) => {
        bits.flag(true).bits(255, 8).bits(64, 16).bits(45, 16);
        bits.flag(true).flag(true);
        bits.flag(true).bits(5, 3).flag(true).flag(true).bits(1, 8).bits(1, 8).bits(1, 8);
        bits.flag(true).ue(2).ue(2);
        bits.flag(true).bits(1, 32).bits(100, 32).flag(true);
        for (let hrd = 0; hrd < 2; hrd += 1) {
          bits.flag(true).ue(1).bits(0, 8);
          for (let cpb = 0; cpb < 2; cpb += 1) bits.ue(1000).ue(2000).flag(false);
          bits.bits(0, 20);
        }
        bits.flag(false).flag(true);
        bits.flag(true).flag(true).ue(0).ue(0).ue(10).ue(10).ue(2).ue(4);
      },
    },
    expected: { sarNum: 64, sarDen: 45, frameRate: 50, reorderFrames: 2 },
  },
  {
    name: 'a VUI cut short still gives the picture size and what came before the cut',
    fields: { widthInMacroblocks: 45, heightInMapUnits: 36, vui: (bits) => bits.flag(true).bits(4, 8).flag(true) },
    expected: { width: 720, height: 576, sarNum: 16, sarDen: 11, frameRate: undefined },
  },
];

describe('parseSequenceParameterSet', () => {
  it.each(cases)('$name', ({ fields, expected }) => {
    expect(parseSequenceParameterSet(buildSps(fields))).toMatchObject(
      Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
    );
    for (const [key, value] of Object.entries(expected)) {
      if (value === undefined) expect(parseSequenceParameterSet(buildSps(fields))).not.toHaveProperty(key);
    }
  });

  it('reads 4:4:4 with separate planes and twelve scaling lists', () => {
    const list = (size: number): number[] => Array.from({ length: size }, (_, index) => (index % 2 === 0 ? 1 : -1));
    const fields: SpsFields = {
      profile: 244,
      chroma: { format: 3, separatePlanes: true },
      scalingLists: Array.from({ length: 12 }, (_, index) => list(index < 6 ? 16 : 64)),
      widthInMacroblocks: 2,
      heightInMapUnits: 2,
      crop: [0, 5, 0, 3],
    };
    expect(parseSequenceParameterSet(buildSps(fields))).toMatchObject({ width: 27, height: 29, chromaFormat: 3 });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['another NAL unit', Buffer.from([0x68, 0xce])],
    ['only a header', Buffer.from([0x67])],
    ['a cut', buildSps({ widthInMacroblocks: 20, heightInMapUnits: 15 }).subarray(0, 5)],
    [
      'cropping larger than the picture',
      buildSps({ widthInMacroblocks: 1, heightInMapUnits: 1, crop: [100, 0, 0, 0] }),
    ],
    ['2^20 pixels of width', buildSps({ widthInMacroblocks: 65_536, heightInMapUnits: 1 })],
  ])('A7.04 refuses %s with a typed error', (_name, nal) => {
    expect(() => parseSequenceParameterSet(nal)).toThrow(
      expect.objectContaining({ code: 'mp4.sequence-parameter-set', kind: 'invalid-data' }),
    );
  });

  it('C2.13 ends in a value or one typed error for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        try {
          const { width, height } = parseSequenceParameterSet(Buffer.concat([Buffer.from([0x67]), bytes]));
          expect(width * height).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('removes exactly the emulation prevention that was added', () => {
    const zeroish = fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 255), { maxLength: 60 });
    fc.assert(
      fc.property(zeroish, (bytes) => {
        const payload = Buffer.from(bytes);
        expect(Buffer.from(removeEmulationPrevention(addEmulationPrevention(payload)))).toEqual(payload);
      }),
    );
  });
});
