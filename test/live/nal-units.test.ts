// A message of ten megabytes may consist of millions of NAL units; no picture does.
import { describe, expect, it } from 'vitest';
import { splitNalUnits, splitStartCodes } from '../../src/protocols/bitstream/nal-units.js';

const repeated = (unit: readonly number[], times: number): Buffer =>
  Buffer.concat(Array.from({ length: times }, () => Buffer.from(unit)));

describe('the NAL units of a message', () => {
  it('behind lengths are 4096 at most: more are no picture', () => {
    const unit = [0, 0, 0, 1, 0x65];
    expect(splitNalUnits(repeated(unit, 4_096), 4)).toHaveLength(4_096);
    expect(splitNalUnits(repeated(unit, 4_097), 4)).toBeUndefined();
  });

  it('behind start codes are walked up to the 4096th', () => {
    const unit = [0, 0, 1, 0x65];
    expect(splitStartCodes(repeated(unit, 4_096))).toHaveLength(4_096);
    expect(splitStartCodes(repeated(unit, 10_000))).toHaveLength(4_096);
  });
});
