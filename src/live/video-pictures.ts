// Turns the messages of one video track into pictures, each with all its units, its time and its kind.
import { AccessUnits, type AssemblyFinding, type Picture } from '../protocols/bitstream/access-units.js';
import { Av1Bitstream } from '../protocols/bitstream/av1-bitstream.js';
import { AvcBitstream } from '../protocols/bitstream/avc-bitstream.js';
import type { Bitstream, FrameKind } from '../protocols/bitstream/bitstream.js';
import { HevcBitstream } from '../protocols/bitstream/hevc-bitstream.js';
import type { NalLengthSize } from '../protocols/bitstream/nal-units.js';
import { vp9FrameKind } from '../protocols/bitstream/vp9-frame.js';
import type { VideoTag } from '../protocols/flv/video-tag.js';
import type { DescribedVideoCodec } from '../protocols/mp4/video-description.js';
import type { Milliseconds } from '../protocols/units.js';
import type { RepairKind } from './repairs.js';

export interface VideoMessage {
  readonly tag: VideoTag;
  readonly body: Buffer;
  /** As on the wire. */
  readonly timestamp: Milliseconds;
}

export interface VideoPicture {
  /** The message in which its first slice came. */
  readonly message: VideoMessage;
  /** As on the wire, or estimated for pictures that followed another one in the same message. */
  readonly timestamp: Milliseconds;
  /** Whether this is the first picture of its message, so that the message's flags apply to it. */
  readonly first: boolean;
  readonly kind: FrameKind;
  /** The coded bytes as received, or buffers to be concatenated. */
  readonly data: Buffer | readonly Buffer[];
  /** NAL units or OBUs; empty for VP9. */
  readonly units: readonly Buffer[];
  /** Whether parameter sets are among the units. */
  readonly hasParameterSets: boolean;
}

export interface VideoPicturesOptions {
  readonly codec: DescribedVideoCodec;
  readonly onPicture: (picture: VideoPicture) => void;
  readonly repair: (kind: RepairKind) => void;
}

/** Assumed distance between pictures of one message while it cannot be measured. */
const DEFAULT_INTERVAL: Milliseconds = 40;
/** A larger distance between messages says nothing about pictures in one message. */
const MAX_INTERVAL: Milliseconds = 1_000;

const FINDINGS: Readonly<Record<AssemblyFinding, RepairKind>> = {
  pieces: 'pictures-in-pieces',
  bundle: 'pictures-in-bundles',
  lost: 'lost-slices',
  'too-large': 'picture-too-large',
};

export class VideoPictures {
  readonly #options: VideoPicturesOptions;
  readonly #bitstream: Bitstream | undefined;
  readonly #units: AccessUnits<VideoMessage> | undefined;
  /** The last message with a picture, and how many began in it. */
  #last: { readonly message: VideoMessage; pictures: number } | undefined;
  #interval = DEFAULT_INTERVAL;

  constructor(options: VideoPicturesOptions) {
    this.#options = options;
    const bitstream = bitstreamOf(options.codec);
    this.#bitstream = bitstream;
    if (bitstream === undefined) return;
    this.#units = new AccessUnits<VideoMessage>({
      bitstream,
      onPicture: (picture) => this.#onPicture(picture, bitstream),
      onFinding: (finding) => options.repair(FINDINGS[finding]),
    });
  }

  /** Whether a picture is held until the next message. */
  get holdsPicture(): boolean {
    return this.#units?.holdsPicture ?? false;
  }

  /** Sets what is known from the sequence header in force. */
  configure(known: { readonly nalLengthSize?: NalLengthSize | undefined; readonly sequenceHeader: boolean }): void {
    const bitstream = this.#bitstream;
    if (bitstream instanceof Av1Bitstream) bitstream.sequenceHeaderKnown = known.sequenceHeader;
    if (bitstream instanceof AvcBitstream || bitstream instanceof HevcBitstream) {
      bitstream.nalLengthSize = known.nalLengthSize ?? 4;
    }
  }

  /** Takes the SPS of a sequence header, which may announce that pictures are fields. */
  noteSequenceParameterSet(unit: Buffer): void {
    if (this.#bitstream instanceof AvcBitstream) this.#bitstream.noteSequenceParameterSet(unit);
  }

  accept(message: VideoMessage): void {
    const { data } = message.tag;
    if (this.#bitstream === undefined || this.#units === undefined) {
      const kind = vp9FrameKind(data);
      const { timestamp } = message;
      this.#options.onPicture({ message, timestamp, first: true, kind, data, units: [], hasParameterSets: false });
      return;
    }
    const split = this.#bitstream.split(data);
    if (split === undefined) {
      this.#options.repair('broken-units');
      return;
    }
    if (split.hadEmpty) this.#options.repair('empty-units');
    if (split.hadOtherLengths) this.#options.repair('other-lengths');
    if (split.hadStartCodes) this.#options.repair('start-codes');
    if (this.#bitstream instanceof Av1Bitstream && split.sample !== data) this.#options.repair('temporal-delimiters');
    this.#units.push(message, split);
  }

  /** Emits the held picture: no video has come for so long that it must be complete. */
  settle(): void {
    this.#units?.settle();
  }

  /** Emits the held picture: the stream ends or changes its parameters. */
  flush(): void {
    this.#units?.flush();
  }

  #onPicture(picture: Picture<VideoMessage>, bitstream: Bitstream): void {
    const { message, index, sample, units, hasParameterSets } = picture;
    const timestamp = (message.timestamp + Math.round(index * this.#intervalAt(message, index))) >>> 0;
    const data = sample ?? bitstream.join(units);
    const kind = bitstream.kindOf(units);
    this.#options.onPicture({ message, timestamp, first: index === 0, kind, data, units, hasParameterSets });
  }

  #intervalAt(message: VideoMessage, index: number): Milliseconds {
    const last = this.#last;
    if (last?.message === message) {
      last.pictures = index + 1;
      return this.#interval;
    }
    if (last !== undefined) {
      const interval = ((message.timestamp - last.message.timestamp) | 0) / last.pictures;
      if (interval > 0 && interval <= MAX_INTERVAL) this.#interval = interval;
    }
    this.#last = { message, pictures: index + 1 };
    return this.#interval;
  }
}

function bitstreamOf(codec: DescribedVideoCodec): Bitstream | undefined {
  switch (codec) {
    case 'avc':
      return new AvcBitstream();
    case 'hevc':
      return new HevcBitstream();
    case 'av1':
      return new Av1Bitstream();
    case 'vp9':
      return undefined;
  }
}
