// Provides the decoder configuration: from the sequence header if it is good, otherwise from the pictures.
import { looseSets, ParameterSets } from '../protocols/bitstream/parameter-sets.js';
import { SluiceError } from '../protocols/errors.js';
import { videoCodecName } from '../protocols/flv/codecs.js';
import type { VideoTag } from '../protocols/flv/video-tag.js';
import { findSequenceHeader } from '../protocols/mp4/av1.js';
import type { ColorDescription } from '../protocols/mp4/color.js';
import { type DescribedVideoCodec, describeVideo, type VideoDescription } from '../protocols/mp4/video-description.js';
import { liveError } from './errors.js';
import { type MediaBody, videoBody, videoHeaderBody } from './media-body.js';
import type { RepairKind } from './repairs.js';

/** The properties of a video track, for planning renditions and writing init segments. */
export interface VideoTrack {
  readonly codec: DescribedVideoCodec;
  /** The record of the sequence header as received: avcC, hvcC, av1C, vpcC. For AV1 and VP9 without one, the record of the description. */
  readonly configuration: Buffer;
  /** AV1 and VP9: without width and height until the first key frame. */
  readonly description: VideoDescription;
  /** From Enhanced RTMP metadata; the description has the colours of the bitstream. */
  readonly color?: ColorDescription;
}

export interface VideoHeader {
  /** The sequence header to pass on. */
  readonly media: MediaBody;
  readonly description: VideoDescription;
}

/**
 * Some encoders change parameter sets of the same format with each key frame and send them in band. After this many changes, decoders get
 * no new header for them.
 */
const MAX_QUIET_CHANGES = 3;
/** Offset of the number of sequence parameter sets in an avcC, and of the number of arrays in an hvcC. */
const AVCC_COUNT = 5;
const HVCC_COUNT = 22;

export class VideoHeaders {
  readonly #codec: DescribedVideoCodec;
  readonly #repair: (kind: RepairKind) => void;
  readonly #sets: ParameterSets | undefined;
  /** The last sequence header as received, for comparison with the next. */
  #received: Buffer | undefined;
  /** Whether parameter sets have arrived that the header in force does not contain. */
  #stale = false;
  #quietChanges = 0;
  /** The record that was passed on most recently. */
  #inForce: Buffer | undefined;
  /** AV1 and VP9: the record in force, if one came. */
  #record: Buffer | undefined;
  /** AV1: the payload of the sequence header OBU in force. */
  #sequence: Buffer | undefined;

  constructor(codec: DescribedVideoCodec, repair: (kind: RepairKind) => void) {
    this.#codec = codec;
    this.#repair = repair;
    this.#sets = codec === 'avc' || codec === 'hevc' ? new ParameterSets(codec) : undefined;
  }

  /** The parameter sets in force. */
  get sets(): ParameterSets | undefined {
    return this.#sets;
  }

  /**
   * Handles a sequence header message.
   * @returns undefined if it contains nothing new, or not enough: then the pictures provide the header
   * @throws live.video-configuration
   */
  fromMessage(tag: VideoTag, body: Buffer): VideoHeader | undefined {
    // Many encoders repeat it before each key frame; only a different one matters.
    if (this.#received?.equals(tag.data)) return undefined;
    this.#received = tag.data;
    const header = this.#open(tag, body);
    if (header === undefined || this.#inForce?.equals(header.media.data)) return undefined;
    this.#inForce = header.media.data;
    return header;
  }

  #open(tag: VideoTag, body: Buffer): VideoHeader | undefined {
    const codec = this.#codec;
    if (codec === 'av1' && tag.data[0] !== AV1_MARKER) return this.#openBareAv1(tag.data);
    if (this.#sets === undefined) {
      this.#record = tag.data;
      if (codec === 'av1') this.#sequence = sequenceOf(() => findSequenceHeader(tag.data.subarray(AV1_RECORD_HEAD)));
      return {
        media: videoBody(tag, body, { codec, keyFrame: true, data: tag.data }),
        description: describe(codec, tag.data),
      };
    }
    const loose = codec === 'avc' || codec === 'hevc' ? looseSets(codec, tag.data) : undefined;
    if (loose !== undefined) {
      this.#repair('header-rewritten');
      this.#sets.replace(loose);
      return this.#made();
    }
    if (hasNoSets(codec, tag.data)) return undefined;
    const description = describe(codec, tag.data);
    this.#sets.load(tag.data);
    this.#stale = false;
    if (tag.data.indexOf(START_CODE) >= 0) {
      const made = this.#made(description.nalLengthSize);
      this.#repair('header-rewritten');
      if (made !== undefined) return made;
    }
    return { media: videoBody(tag, body, { codec, keyFrame: true, data: tag.data }), description };
  }

  /**
   * Takes the units of an H.264 or HEVC picture that contains parameter sets, or at which decoding can start.
   * @param current the description in force
   * @param canStart whether decoding can start at this picture: parameter sets come into force only there
   * @returns the header that must be sent before the picture, if any
   */
  fromUnits(
    units: readonly Buffer[],
    current: VideoDescription | undefined,
    canStart: boolean,
  ): VideoHeader | undefined {
    const sets = this.#sets;
    if (sets === undefined) return undefined;
    for (const unit of units) if (sets.note(unit) !== undefined) this.#stale = true;
    if (!this.#stale || (current !== undefined && !canStart)) return undefined;
    const header = this.#made(current?.nalLengthSize);
    if (header === undefined) return undefined;
    this.#stale = false;
    if (current === undefined) {
      this.#repair('header-made');
    } else if (isSameFormat(current, header.description)) {
      if (header.description.record.equals(current.record)) return undefined;
      this.#quietChanges += 1;
      if (this.#quietChanges > MAX_QUIET_CHANGES) {
        this.#repair('parameter-sets-vary');
        return undefined;
      }
    }
    this.#inForce = header.media.data;
    return header;
  }

  /**
   * Takes an AV1 or VP9 key frame. It defines the picture size and may change it without a sequence header.
   * @returns the new header, if something changed
   * @throws live.video-configuration
   */
  fromKeyFrame(data: Buffer, current: VideoDescription | undefined): VideoHeader | undefined {
    const codec = this.#codec;
    const inBand = codec === 'av1' ? sequenceOf(() => findSequenceHeader(data)) : undefined;
    const outdated = inBand !== undefined && this.#sequence !== undefined && !inBand.equals(this.#sequence);
    let description: VideoDescription;
    try {
      description = describe(codec, outdated ? undefined : this.#record, data);
    } catch (error) {
      // In a known stream, a single broken frame is left to the decoder, which conceals it.
      if (current?.width !== undefined && error instanceof SluiceError) return undefined;
      throw error;
    }
    if (outdated) this.#record = description.record;
    this.#sequence = inBand === undefined ? this.#sequence : Buffer.from(inBand);
    if (current !== undefined && isSameFormat(current, description)) return undefined;
    if (codec === 'av1' && current === undefined) this.#repair('header-made');
    return { media: videoHeaderBody(codec, description.record), description };
  }

  /** Takes a sequence header OBU that was sent without a configuration record. @throws live.video-configuration for anything else */
  #openBareAv1(obus: Buffer): VideoHeader {
    const description = describe('av1', undefined, obus);
    this.#repair('header-rewritten');
    this.#record = description.record;
    this.#sequence = sequenceOf(() => findSequenceHeader(obus));
    return { media: videoHeaderBody('av1', description.record), description };
  }

  #made(nalLengthSize: VideoDescription['nalLengthSize'] = 4): VideoHeader | undefined {
    const record = this.#sets?.record(nalLengthSize);
    return record && { media: videoHeaderBody(this.#codec, record), description: describe(this.#codec, record) };
  }
}

const START_CODE = Buffer.from([0, 0, 1]);
/** Marker and version of an av1C (AV1-ISOBMFF 2.3.3). */
const AV1_MARKER = 0x81;
/** Bytes before the configOBUs of an av1C. */
const AV1_RECORD_HEAD = 4;

function sequenceOf(find: () => ReturnType<typeof findSequenceHeader>): Buffer | undefined {
  try {
    return find()?.obu.payload;
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return undefined;
  }
}

/** Some encoders send an empty record before they know the parameter sets. */
function hasNoSets(codec: DescribedVideoCodec, record: Buffer): boolean {
  const count = codec === 'avc' ? (record[AVCC_COUNT] ?? 1) & 0x1f : (record[HVCC_COUNT] ?? 1);
  return record[0] === 1 && count === 0;
}

function isSameFormat(a: VideoDescription, b: VideoDescription): boolean {
  return (
    a.width === b.width &&
    a.height === b.height &&
    a.codecs === b.codecs &&
    a.bitDepth === b.bitDepth &&
    a.interlaced === b.interlaced
  );
}

/** @throws live.video-configuration, which names the kind of media: the parsers only name the field */
function describe(codec: DescribedVideoCodec, record: Buffer | undefined, keyFrame?: Buffer): VideoDescription {
  try {
    return describeVideo(codec, record, keyFrame);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    throw liveError(
      'live.video-configuration',
      `the ${videoCodecName(codec)} video configuration is broken (${error.message})`,
      { cause: error },
    );
  }
}
