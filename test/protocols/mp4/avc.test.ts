// An avcC on which FFmpeg or a player would fail must be refused early; small faults must be accepted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import { parseAvcDecoderConfigurationRecord } from '../../../src/protocols/mp4/avc.js';
import { avcCodecString } from '../../../src/protocols/mp4/codec-string.js';
import { buildAvcC, buildSps } from './bit-writer.js';

const sps = buildSps({
  chroma: { format: 1 },
  level: 40,
  widthInMacroblocks: 120,
  heightInMapUnits: 68,
  crop: [0, 0, 0, 4],
});
const other = buildSps({ widthInMacroblocks: 20, heightInMapUnits: 15 });
const good = buildAvcC([sps]);

function patched(at: number, value: number): Buffer {
  const copy = Buffer.from(good);
  copy[at] = value;
  return copy;
}

describe('parseAvcDecoderConfigurationRecord', () => {
  it('B2.01 reads the record and names the codec by its SPS', () => {
    const configuration = parseAvcDecoderConfigurationRecord(good);
    expect(configuration).toMatchObject({ profile: 100, level: 40, nalLengthSize: 4 });
    expect(configuration.spsInfo).toMatchObject({ width: 1920, height: 1080 });
    expect(configuration.sps).toEqual([sps]);
    expect(configuration.pps).toHaveLength(1);
    expect(avcCodecString(configuration)).toBe('avc1.640028');
    // The record's own copy of the level may be wrong; decoders follow the SPS.
    expect(avcCodecString(parseAvcDecoderConfigurationRecord(patched(3, 31)))).toBe('avc1.640028');
  });

  it.each([
    ['several SPS and PPS', buildAvcC([sps, other], [Buffer.from([0x68, 1]), Buffer.from([0x68, 2])])],
    ['wrong reserved bits', patched(4, 0x03)],
    ['bytes after the parameter sets', Buffer.concat([good, Buffer.from([0xfd, 0xf8, 0xf8, 0])])],
    ['no PPS', buildAvcC([sps], [])],
    ['an end right after the SPS', buildAvcC([sps], []).subarray(0, -1)],
  ])('A7.04 accepts %s', (_name, record) => {
    expect(parseAvcDecoderConfigurationRecord(record).spsInfo.width).toBe(1920);
  });

  it.each([
    [1, 0xfc],
    [2, 0xfd],
    [4, 0xff],
  ])('A7.05 knows NAL lengths of %i bytes', (size, byte) => {
    expect(parseAvcDecoderConfigurationRecord(patched(4, byte)).nalLengthSize).toBe(size);
  });

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['another version', patched(0, 0)],
    ['a NAL length of 3 bytes', patched(4, 0xfe)],
    ['0 SPS', buildAvcC([])],
    ['an SPS longer than the record', patched(6, 0xff)],
    ['a PPS cut short', good.subarray(0, -1)],
    ['Annex B instead of a record', Buffer.from('0000000167640028', 'hex')],
  ])('A7.04 refuses %s with a typed error', (_name, record) => {
    expect(() => parseAvcDecoderConfigurationRecord(record)).toThrow(
      expect.objectContaining({ code: 'mp4.avc-configuration', kind: 'invalid-data' }),
    );
  });

  it('C2.13 never reads out of range, whatever byte is changed or missing', () => {
    fc.assert(
      fc.property(fc.nat(good.length), fc.nat(good.length - 1), fc.nat(255), (length, at, value) => {
        try {
          parseAvcDecoderConfigurationRecord(patched(at, value).subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
