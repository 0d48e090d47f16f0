// Some cameras send SPS and PPS only among the pictures: the sequence header that players need is made from them.
import { SluiceError } from '../protocols/errors.js';
import { type AvcDecoderConfiguration, writeAvcDecoderConfigurationRecord } from '../protocols/mp4/avc.js';
import { parseSequenceParameterSet, type SequenceParameterSet } from '../protocols/mp4/sequence-parameter-set.js';
import type { NalLengthSize } from './nal-units.js';

/** H.264 table 7-1. */
const AVC_SPS = 7;
const AVC_PPS = 8;
/** numOfSequenceParameterSets has five bits, numOfPictureParameterSets eight (ISO/IEC 14496-15 5.3.3.1). */
const MAX_SPS = 31;
const MAX_PPS = 255;

export interface InBandParameterSets {
  readonly spsInfo: SequenceParameterSet;
  /** AVCDecoderConfigurationRecord. */
  readonly record: Buffer;
}

/** @returns undefined when the units hold no SPS with a PPS, or one that is broken */
export function findParameterSets(
  units: readonly Buffer[],
  nalLengthSize: NalLengthSize,
): InBandParameterSets | undefined {
  const ofType = (type: number, max: number): Buffer[] =>
    units.filter((unit) => ((unit[0] ?? 0) & 0x1f) === type).slice(0, max);
  const sps = ofType(AVC_SPS, MAX_SPS);
  const pps = ofType(AVC_PPS, MAX_PPS);
  const [first] = sps;
  if (first === undefined || pps.length === 0) return undefined;
  try {
    const spsInfo = parseSequenceParameterSet(first);
    const { profile, compatibility, level } = spsInfo;
    const configuration: AvcDecoderConfiguration = { profile, compatibility, level, nalLengthSize, sps, pps, spsInfo };
    return { spsInfo, record: writeAvcDecoderConfigurationRecord(configuration) };
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return undefined;
  }
}
