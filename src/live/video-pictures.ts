// The messages of one video track become pictures here: each with all its units, its time, and what its bits say of it.
import { AccessUnits, type CutFinding, type Picture } from '../protocols/bitstream/access-units.js';
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
  /** The message that its first slice came in. */
  readonly message: VideoMessage;
  /** As on the wire, or guessed for pictures that came behind another in one message. */
  readonly timestamp: Milliseconds;
  /** The message says something of this picture itself, not of one before it in the message. */
  readonly first: boolean;
  readonly kind: FrameKind;
  /** The coded bytes as they came, or in pieces that are to be put one behind the other. */
  readonly data: Buffer | readonly Buffer[];
  /** NAL units or OBUs; none of VP9. */
  readonly units: readonly Buffer[];
}

export interface VideoPicturesOptions {
  readonly codec: DescribedVideoCodec;
  readonly onPicture: (picture: VideoPicture) => void;
  readonly repair: (kind: RepairKind) => void;
}

/** Between pictures of one message while nothing tells how far they are apart. */
const DEFAULT_INTERVAL: Milliseconds = 40;
/** Pictures further apart say nothing of those in one message. */
const MAX_INTERVAL: Milliseconds = 1_000;

const FINDINGS: Readonly<Record<CutFinding, RepairKind>> = {
  pieces: 'pictures-in-pieces',
  bundle: 'pictures-in-bundles',
  lost: 'lost-slices',
  'too-large': 'picture-too-large',
};

export class VideoPictures {
  readonly #options: VideoPicturesOptions;
  readonly #bitstream: Bitstream | undefined;
  readonly #units: AccessUnits<VideoMessage> | undefined;
  /** Of the last message with a picture: its time, and how many began in it. */
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

  /** A picture waits for what comes next. */
  get holdsPicture(): boolean {
    return this.#units?.holdsPicture ?? false;
  }

  /** What the sequence header in force says. */
  configure(known: { readonly nalLengthSize?: NalLengthSize | undefined; readonly sequenceHeader: boolean }): void {
    const bitstream = this.#bitstream;
    if (bitstream instanceof Av1Bitstream) bitstream.sequenceHeaderKnown = known.sequenceHeader;
    if (bitstream instanceof AvcBitstream || bitstream instanceof HevcBitstream) {
      bitstream.nalLengthSize = known.nalLengthSize ?? 4;
    }
  }

  /** The SPS of a sequence header, which may say that pictures are fields. */
  noteSequenceParameterSet(unit: Buffer): void {
    if (this.#bitstream instanceof AvcBitstream) this.#bitstream.noteSequenceParameterSet(unit);
  }

  accept(message: VideoMessage): void {
    const { data } = message.tag;
    if (this.#bitstream === undefined || this.#units === undefined) {
      const kind = vp9FrameKind(data);
      this.#options.onPicture({ message, timestamp: message.timestamp, first: true, kind, data, units: [] });
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

  /** The rest of a picture would have come by now. */
  settle(): void {
    this.#units?.settle();
  }

  /** Nothing more comes, or nothing that belongs to what came. */
  flush(): void {
    this.#units?.flush();
  }

  #onPicture({ message, index, sample, units }: Picture<VideoMessage>, bitstream: Bitstream): void {
    const timestamp = (message.timestamp + Math.round(index * this.#intervalAt(message, index))) >>> 0;
    const data = sample ?? bitstream.join(units);
    this.#options.onPicture({ message, timestamp, first: index === 0, kind: bitstream.kindOf(units), data, units });
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
