// Decides, message by message, what of a publisher's video enters the stream: nothing a decoder could not start with.
import { SluiceError } from '../protocols/errors.js';
import { type VideoCodec, videoCodecName } from '../protocols/flv/codecs.js';
import { parseVideoTag, type VideoTag } from '../protocols/flv/video-tag.js';
import { type ColorDescription, isUnspecified } from '../protocols/mp4/color.js';
import { type DescribedVideoCodec, describeVideo, type VideoDescription } from '../protocols/mp4/video-description.js';
import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import { ExtraVideoTracks } from './extra-video-tracks.js';
import type { IngestContext } from './ingest-context.js';
import { frameKind } from './key-frame.js';
import { avcHeaderBody, type MediaBody, videoBody } from './media-body.js';
import { type NalLengthSize, splitNalUnits, splitStartCodes, withLengths } from './nal-units.js';
import { findParameterSets } from './parameter-sets.js';
import { checkFrameRate, checkPicture } from './picture-limits.js';
import { RateMeter } from './rate-meter.js';
import type { LiveTag } from './tag.js';
import type { VideoTrack } from './video-track.js';

/** A sequence header comes first or never: frames alone are given this long, then the publisher is told. */
const MAX_WAIT_FOR_SEQUENCE_HEADER: Milliseconds = 10_000;
/** No group of pictures an encoder is set to on purpose is longer. */
const MAX_WAIT_FOR_KEY_FRAME: Milliseconds = 20_000;
/** A few odd timestamps alone must not look like a long wait. */
const MIN_FRAMES_BEFORE_GIVING_UP = 30;
/** What frames without a sequence header have before each NAL unit. */
const DEFAULT_NAL_LENGTH_SIZE = 4;

export class VideoIngest {
  readonly #context: IngestContext;
  readonly rate = new RateMeter();
  header: LiveTag | undefined;
  track: VideoTrack | undefined;
  /** Why there is no track, although video comes. */
  refused: SluiceError | undefined;
  frames = 0;
  keyFrames = 0;
  /** Frames flagged as key frames that are none. */
  keyFrameMismatches = 0;
  /** Frames before the first sequence header or key frame. */
  dropped = 0;
  /** Messages without anything to decode, and repeated headers. */
  ignored = 0;
  #unserved = 0;
  readonly #extra: ExtraVideoTracks;
  /** The last sequence header as it came: what it is compared with. */
  #received: Buffer | undefined;
  #color: ColorDescription | undefined;
  #started = false;
  #waitingSince: Milliseconds | undefined;

  constructor(context: IngestContext) {
    this.#context = context;
    this.#extra = new ExtraVideoTracks(context);
  }

  /** Further tracks of the codec of the first one, by track id. */
  get extraTracks(): ReadonlyMap<number, VideoTrack> {
    return this.#extra.tracks;
  }

  /** Messages of video that cannot be served. */
  get unserved(): number {
    return this.#unserved + this.#extra.unserved;
  }

  /**
   * @throws live.video-configuration, live.codec-changed, live.no-sequence-header, live.no-key-frame, live.picture-limit,
   * live.frame-rate-limit, live.parameter-changes, live.timestamps
   */
  accept(timestamp: Milliseconds, body: Buffer): void {
    const tag = parseVideoTag(body);
    this.#acceptFirst(tag, timestamp, body);
    if (tag.tracks !== undefined) this.#extra.accept(timestamp, tag.tracks, body, this.track);
  }

  #acceptFirst(tag: VideoTag, timestamp: Milliseconds, body: Buffer): void {
    if (tag.packetType === 'ignored' || tag.packetType === 'end-of-sequence') {
      this.#noteColor(tag.color);
      this.ignored += 1;
      return;
    }
    const { codec } = tag;
    if (!isServed(codec)) {
      this.#unserved += 1;
      this.#refuse(codec);
      return;
    }
    if (this.track !== undefined && this.track.codec !== codec) {
      throw liveError(
        'live.codec-changed',
        `video changed from ${videoCodecName(this.track.codec)} to ${videoCodecName(codec)}: stop and start the stream`,
      );
    }
    if (tag.packetType === 'sequence-header') this.#acceptHeader(tag, codec, body);
    else this.#acceptFrame(tag, codec, timestamp, body);
  }

  #noteColor(color: ColorDescription | undefined): void {
    // FFmpeg announces colours that it does not know.
    if (color === undefined || isUnspecified(color)) return;
    this.#color = color;
    if (this.track !== undefined) this.track = { ...this.track, color };
  }

  #acceptHeader(tag: VideoTag, codec: DescribedVideoCodec, body: Buffer): void {
    // Many encoders repeat it before each key frame: only another one means anything (A7.01).
    if (this.#received?.equals(tag.data)) {
      this.ignored += 1;
      return;
    }
    const description = describe(codec, tag.data);
    const media = videoBody(tag, body, { codec, keyFrame: true });
    this.#received = media.data;
    this.#setTrack(codec, media, description);
  }

  /** Everybody hears of a decoder configuration by its sequence header. */
  #setTrack(codec: DescribedVideoCodec, media: MediaBody, description: VideoDescription): void {
    checkPicture(description, this.#context.limits);
    const changed = this.header !== undefined;
    this.track = {
      codec,
      configuration: media.data,
      description,
      ...(this.#color !== undefined && { color: this.#color }),
    };
    this.header = {
      kind: 'video',
      dts: this.#context.timeline.position('video'),
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: true,
      ...media,
      codec,
      trackId: 0,
      changed,
      discontinuity: false,
    };
    if (changed) this.#context.noteParameterChange('video');
    this.#context.emit(this.header);
  }

  #acceptFrame(tag: VideoTag, codec: DescribedVideoCodec, timestamp: Milliseconds, body: Buffer): void {
    const data = this.#normalise(tag.data, codec);
    const kind = this.#kindOf(tag, codec, data);
    const keyFrame = kind !== 'inter';
    if (codec === 'avc' && (keyFrame || this.track === undefined)) this.#learnParameterSets(data);
    if (kind === 'key' && (codec === 'av1' || codec === 'vp9')) this.#describeByKeyFrame(codec, data);
    if (!this.#started && (this.track === undefined || !keyFrame)) {
      this.#drop(timestamp);
      return;
    }
    const point = this.#context.timeline.map('video', timestamp);
    if (point === undefined) {
      this.#drop(timestamp);
      return;
    }
    this.#started = true;
    this.frames += 1;
    if (keyFrame) this.keyFrames += 1;
    this.rate.add(point.dts, body.length);
    checkFrameRate(this.rate.frameRate, this.#context.limits);
    const media = videoBody(tag, body, { codec, keyFrame, data });
    // Written out, for every frame passes here: an object spread is a call into the runtime.
    const frame: LiveTag = {
      kind: 'video',
      dts: point.dts,
      compositionTime: tag.compositionTime,
      keyFrame,
      sequenceHeader: false,
      body: media.body,
      data: media.data,
      codec,
      trackId: 0,
      changed: false,
      discontinuity: point.discontinuity,
    };
    this.#context.emit(kind === 'open' ? { ...frame, openGop: true } : frame);
  }

  get #nalLengthSize(): NalLengthSize {
    return this.track?.description.nalLengthSize ?? DEFAULT_NAL_LENGTH_SIZE;
  }

  /** Start codes become lengths (A7.05): the head promised lengths, and FFmpeg and packagers believe it. */
  #normalise(data: Buffer, codec: DescribedVideoCodec): Buffer {
    if (codec !== 'avc' && codec !== 'hevc') return data;
    // Lengths may begin like a start code, but then they lead to the end of the frame.
    const units = splitStartCodes(data);
    if (units === undefined || splitNalUnits(data, this.#nalLengthSize) !== undefined) return data;
    return withLengths(units, this.#nalLengthSize);
  }

  /** Only what claims to be a key frame is looked into; OBS 29.1 betas claimed nothing at all (A9.05). */
  #kindOf(tag: VideoTag, codec: DescribedVideoCodec, data: Buffer): 'key' | 'open' | 'inter' {
    if (!tag.keyFrame && tag.frameType !== 0) return 'inter';
    const kind = frameKind(codec, data, {
      nalLengthSize: this.#nalLengthSize,
      sequenceHeaderKnown: codec === 'av1' && this.track?.description.width !== undefined,
    });
    if (kind === 'unknown') return tag.keyFrame ? 'key' : 'inter';
    if (kind === 'inter' && tag.keyFrame) this.keyFrameMismatches += 1;
    return kind;
  }

  /** Where no sequence header came (A7.03), or the pictures say that it no longer holds. */
  #learnParameterSets(data: Buffer): void {
    const units = splitNalUnits(data, this.#nalLengthSize);
    const found = units && findParameterSets(units, this.#nalLengthSize);
    if (found === undefined) return;
    const current = this.track?.description;
    const { width, height } = found.spsInfo;
    if (current !== undefined && current.width === width && current.height === height) return;
    this.#setTrack('avc', avcHeaderBody(found.record), describe('avc', found.record));
  }

  /** AV1 and VP9 say in a key frame how large the pictures are, and may change it there without a sequence header. */
  #describeByKeyFrame(codec: DescribedVideoCodec, data: Buffer): void {
    const received = this.#received;
    const current = this.track?.description;
    let description: VideoDescription;
    try {
      description = describe(codec, received, data);
    } catch (error) {
      // One broken frame of a stream that is known is the decoder's to conceal.
      if (current?.width !== undefined && error instanceof SluiceError) return;
      throw error;
    }
    const same = current?.width === description.width && current?.height === description.height;
    if (current !== undefined && same) return;
    checkPicture(description, this.#context.limits);
    const changed = current?.width !== undefined;
    this.track = {
      codec,
      configuration: received ?? description.record,
      description,
      ...(this.#color !== undefined && { color: this.#color }),
    };
    if (!changed) return;
    this.#context.noteParameterChange('video');
    if (this.header === undefined) return;
    this.header = { ...this.header, dts: this.#context.timeline.position('video'), changed };
    this.#context.emit(this.header);
  }

  #refuse(codec: VideoCodec): void {
    if (this.track !== undefined || this.refused !== undefined) return;
    this.refused = liveError(
      'live.video-codec',
      `${videoCodecName(codec)} video cannot be served: set the encoder to H.264`,
    );
    this.#context.warn(this.refused);
  }

  /** Waiting in silence for what never comes would be a black picture without a reason (A7.03, A7.15). */
  #drop(timestamp: Milliseconds): void {
    this.dropped += 1;
    this.#waitingSince ??= timestamp;
    const waited = (timestamp - this.#waitingSince) | 0;
    if (this.dropped < MIN_FRAMES_BEFORE_GIVING_UP) return;
    if (this.track === undefined && waited > MAX_WAIT_FOR_SEQUENCE_HEADER) {
      throw liveError(
        'live.no-sequence-header',
        `no video sequence header, nor parameter sets in the pictures, in ${waited} ms of video`,
      );
    }
    if (waited > MAX_WAIT_FOR_KEY_FRAME) {
      throw liveError(
        'live.no-key-frame',
        `no key frame in ${waited} ms of video: set the key frame interval to 1..4 s`,
      );
    }
  }
}

function isServed(codec: VideoCodec): codec is DescribedVideoCodec {
  return codec === 'avc' || codec === 'hevc' || codec === 'av1' || codec === 'vp9';
}

/** @throws live.video-configuration, which says what kind of media is wrong: the parsers only say which field */
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
