// Keeps the parameter sets in force by their ids, and makes a sequence header from them. They may come in a header, in pictures, or alone.
import { BitReader } from '../bytes/bit-reader.js';
import { SluiceError } from '../errors.js';
import { parseAvcDecoderConfigurationRecord, writeAvcDecoderConfigurationRecord } from '../mp4/avc.js';
import { parseHevcDecoderConfigurationRecord, writeHevcDecoderConfigurationRecord } from '../mp4/hevc.js';
import { readProfileTierLevel } from '../mp4/hevc-profile-tier-level.js';
import { parseHevcSequenceParameterSet } from '../mp4/hevc-sequence-parameter-set.js';
import { parseSequenceParameterSet, removeEmulationPrevention } from '../mp4/sequence-parameter-set.js';
import { type NalLengthSize, splitMessage } from './nal-units.js';

/** Maximum size of all sets together. Real streams need about a hundred bytes; the ids would allow 300 sets of 64 kB. */
const MAX_BYTES = 64 * 1024;
/** Only these first bytes are parsed: they contain the id. */
const HEAD_BYTES = 160;
/** numOfSequenceParameterSets has five bits, numOfPictureParameterSets eight (ISO/IEC 14496-15 5.3.3.1). */
const MAX_AVC_SPS = 31;
const MAX_AVC_PPS = 255;

export type SetKind = 'video' | 'sequence' | 'picture';

export class ParameterSets {
  readonly #codec: 'avc' | 'hevc';
  readonly #sets: Readonly<Record<SetKind, Map<number, Buffer>>> = {
    video: new Map(),
    sequence: new Map(),
    picture: new Map(),
  };

  constructor(codec: 'avc' | 'hevc') {
    this.#codec = codec;
  }

  /** Whether there are enough sets for decoding. */
  get complete(): boolean {
    return this.#sets.sequence.size > 0 && this.#sets.picture.size > 0;
  }

  /** Replaces all sets by those of a sequence header. @throws mp4.* for a broken record */
  load(record: Buffer): void {
    if (this.#codec === 'avc') {
      const { sps, pps } = parseAvcDecoderConfigurationRecord(record);
      this.replace([...sps, ...pps]);
    } else {
      this.replace(parseHevcDecoderConfigurationRecord(record).arrays.flatMap(({ units }) => units));
    }
  }

  /** Like `load`, for a header that is not a record. If it has no SPS, its sets are added to those in force. */
  replace(units: readonly Buffer[]): void {
    const begins = units.some((unit) => (this.#codec === 'avc' ? avcSet(unit) : hevcSet(unit))?.kind === 'sequence');
    if (begins) for (const sets of Object.values(this.#sets)) sets.clear();
    for (const unit of units) this.note(unit);
  }

  /**
   * Takes a unit of a picture. Sets that cannot be parsed are left to the decoder.
   * @returns the kind of the set if it is new or changed, otherwise undefined
   */
  note(padded: Buffer): SetKind | undefined {
    const unit = withoutPadding(padded);
    const found = this.#codec === 'avc' ? avcSet(unit) : hevcSet(unit);
    if (found === undefined) return undefined;
    const sets = this.#sets[found.kind];
    if (sets.get(found.id)?.equals(unit)) return undefined;
    sets.delete(found.id);
    if (this.#bytes + unit.length > MAX_BYTES) return undefined;
    sets.set(found.id, Buffer.from(unit));
    return found.kind;
  }

  ofKind(kind: SetKind): readonly Buffer[] {
    return [...this.#sets[kind].values()];
  }

  /** The avcC or hvcC for the sets in force. @returns undefined if they are incomplete, or the first SPS is broken */
  record(nalLengthSize: NalLengthSize): Buffer | undefined {
    if (!this.complete) return undefined;
    return read(() => (this.#codec === 'avc' ? this.#avcRecord(nalLengthSize) : this.#hevcRecord(nalLengthSize)));
  }

  get #bytes(): number {
    let bytes = 0;
    for (const sets of Object.values(this.#sets)) for (const set of sets.values()) bytes += set.length;
    return bytes;
  }

  #avcRecord(nalLengthSize: NalLengthSize): Buffer | undefined {
    const sps = [...this.#sets.sequence.values()].slice(0, MAX_AVC_SPS);
    const pps = [...this.#sets.picture.values()].slice(0, MAX_AVC_PPS);
    const [first] = sps;
    if (first === undefined) return undefined;
    const spsInfo = parseSequenceParameterSet(first);
    const { profile, compatibility, level } = spsInfo;
    return writeAvcDecoderConfigurationRecord({ profile, compatibility, level, nalLengthSize, sps, pps, spsInfo });
  }

  #hevcRecord(nalLengthSize: NalLengthSize): Buffer | undefined {
    const [vps, sps, pps] = [this.#sets.video, this.#sets.sequence, this.#sets.picture].map((sets) => [
      ...sets.values(),
    ]);
    const [first] = sps ?? [];
    if (first === undefined) return undefined;
    const spsInfo = parseHevcSequenceParameterSet(first);
    // sps_max_sub_layers_minus1 and sps_temporal_id_nesting_flag are in the first byte of the SPS (H.265 7.3.2.2.1).
    const layers = first[HEVC_HEADER] ?? 0;
    const arrays = [
      { type: HEVC_VPS, units: vps ?? [] },
      { type: HEVC_SPS, units: sps ?? [] },
      { type: HEVC_PPS, units: pps ?? [] },
    ];
    return writeHevcDecoderConfigurationRecord({
      profileTierLevel: spsInfo.profileTierLevel,
      nalLengthSize,
      minSpatialSegmentation: 0,
      parallelismType: 0,
      averageFrameRate: 0,
      constantFrameRate: 0,
      temporalLayers: ((layers >> 1) & 0x07) + 1,
      temporalIdNested: (layers & 1) !== 0,
      arrays: arrays.filter(({ units }) => units.length > 0),
      spsInfo,
    });
  }
}

/**
 * The parameter sets of a sequence header that is not a record: NAL units behind start codes or lengths, or one bare unit.
 * @returns undefined if it may be a record, whose first byte is the version, 1
 */
export function looseSets(codec: 'avc' | 'hevc', header: Buffer): readonly Buffer[] | undefined {
  if (header[0] === 0) return splitMessage(header, 4, () => false)?.units;
  const isSet = (codec === 'avc' ? avcSet(header) : hevcSet(header)) !== undefined;
  return isSet ? [header] : undefined;
}

interface FoundSet {
  readonly kind: SetKind;
  readonly id: number;
}

/** H.264 table 7-1. */
const AVC_SPS = 7;
const AVC_PPS = 8;

function avcSet(unit: Buffer): FoundSet | undefined {
  const type = (unit[0] ?? 0) & 0x1f;
  if (type !== AVC_SPS && type !== AVC_PPS) return undefined;
  return read(() => {
    const bits = new BitReader(removeEmulationPrevention(unit.subarray(1, HEAD_BYTES)));
    if (type === AVC_SPS) bits.skip(24); // profile_idc, constraint flags, level_idc
    const id = bits.ue();
    if (type === AVC_SPS) return id < 32 ? { kind: 'sequence', id } : undefined;
    return id < 256 ? { kind: 'picture', id } : undefined;
  });
}

/** H.265 table 7-1. */
const HEVC_VPS = 32;
const HEVC_SPS = 33;
const HEVC_PPS = 34;
const HEVC_HEADER = 2;

function hevcSet(unit: Buffer): FoundSet | undefined {
  const type = ((unit[0] ?? 0) >> 1) & 0x3f;
  if (type < HEVC_VPS || type > HEVC_PPS) return undefined;
  // Parameter sets of further layers are left to the decoder.
  if ((((unit[0] ?? 0) & 1) << 5) + ((unit[1] ?? 0) >> 3) > 0) return undefined;
  return read(() => {
    const bits = new BitReader(removeEmulationPrevention(unit.subarray(HEVC_HEADER, HEAD_BYTES)));
    if (type === HEVC_VPS) return { kind: 'video', id: bits.bits(4) };
    if (type === HEVC_PPS) {
      const id = bits.ue();
      return id < 64 ? { kind: 'picture', id } : undefined;
    }
    bits.skip(4); // sps_video_parameter_set_id
    const maxSubLayersMinus1 = bits.bits(3);
    bits.skip(1); // sps_temporal_id_nesting_flag
    readProfileTierLevel(bits, maxSubLayersMinus1);
    const id = bits.ue();
    return id < 16 ? { kind: 'sequence', id } : undefined;
  });
}

/** Trailing zeros do not belong to a NAL unit (ITU-T H.264 B.1.1, 7.4.1: its last byte is not 0). */
function withoutPadding(unit: Buffer): Buffer {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end -= 1;
  return unit.subarray(0, end);
}

function read<T>(reader: () => T): T | undefined {
  try {
    return reader();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return undefined;
  }
}
