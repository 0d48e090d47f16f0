// Parameter sets are kept by their ids, within a limit of bytes, and changes are reported.
import { describe, expect, it } from 'vitest';
import { ParameterSets } from '../../../src/protocols/bitstream/parameter-sets.js';
import { parseAvcDecoderConfigurationRecord } from '../../../src/protocols/mp4/avc.js';
import { BitWriter, buildSps } from '../mp4/bit-writer.js';

const SPS = buildSps({ widthInMacroblocks: 20, heightInMapUnits: 15 });
/** A PPS: its id, then bytes without meaning here; the last one is not 0. */
const pps = (id: number, size: number, fill = 0x55): Buffer =>
  Buffer.concat([Buffer.of(0x68), new BitWriter().ue(id).flag(true).toBuffer(), Buffer.alloc(size, fill)]);

describe('ParameterSets', () => {
  it('reports new parameter sets, not repeated or merely padded ones', () => {
    const sets = new ParameterSets('avc');
    expect([sets.note(SPS), sets.note(pps(0, 3)), sets.complete]).toEqual(['sequence', 'picture', true]);
    expect([sets.note(SPS), sets.note(Buffer.concat([SPS, Buffer.alloc(3)]))]).toEqual([undefined, undefined]);
    expect([sets.note(pps(0, 3, 0x56)), sets.note(pps(1, 3)), sets.note(pps(1, 3))]).toEqual([
      'picture',
      'picture',
      undefined,
    ]);
    expect(sets.note(Buffer.from('658884', 'hex'))).toBeUndefined();
    const { pps: kept } = parseAvcDecoderConfigurationRecord(sets.record(4) ?? Buffer.alloc(0));
    expect(kept).toEqual([pps(0, 3, 0x56), pps(1, 3)]);
  });

  it('keeps at most 64 KiB, and beyond that accepts only replacements', () => {
    const sets = new ParameterSets('avc');
    sets.note(SPS);
    for (let id = 0; id < 256; id += 1) sets.note(pps(id, 1_000));
    const bytes = (): number => sets.ofKind('picture').reduce((sum, set) => sum + set.length, 0);
    expect(bytes()).toBeLessThanOrEqual(64 * 1024 - SPS.length);
    expect(bytes()).toBeGreaterThan(63 * 1024);
    expect(sets.note(pps(0, 900))).toBe('picture');
    expect(sets.note(pps(0, 60_000))).toBeUndefined();
    expect(bytes()).toBeLessThanOrEqual(64 * 1024 - SPS.length);
  });

  it('has no record without a PPS, or with an SPS that cannot be read', () => {
    const sets = new ParameterSets('avc');
    sets.note(SPS);
    expect(sets.record(4)).toBeUndefined();
    const broken = new ParameterSets('avc');
    broken.note(Buffer.from('6742c01ff0', 'hex'));
    broken.note(pps(0, 3));
    expect(broken.record(4)).toBeUndefined();
  });
});
