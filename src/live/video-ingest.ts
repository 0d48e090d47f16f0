// Decides for each video message whether it enters the stream: frames that no decoder could start with are dropped.
import type { SluiceError } from '../protocols/errors.js';
import { type VideoCodec, videoCodecName } from '../protocols/flv/codecs.js';
import { parseVideoTag, type VideoTag } from '../protocols/flv/video-tag.js';
import { type ColorDescription, isUnspecified } from '../protocols/mp4/color.js';
import type { DescribedVideoCodec, VideoDescription } from '../protocols/mp4/video-description.js';
import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import { ExtraVideoTracks } from './extra-video-tracks.js';
import type { IngestContext } from './ingest-context.js';
import { videoBody } from './media-body.js';
import { checkFrameRate, checkPicture } from './picture-limits.js';
import type { LiveTag } from './tag.js';
import { TrackMeter } from './track-meter.js';
import { type VideoHeader, VideoHeaders, type VideoTrack } from './video-headers.js';
import { type VideoPicture, VideoPictures } from './video-pictures.js';

/** If only frames have come for this long, no sequence header will come: the publisher is told. */
const MAX_WAIT_FOR_SEQUENCE_HEADER: Milliseconds = 10_000;
/** No encoder is deliberately set to a longer GOP. */
const MAX_WAIT_FOR_KEY_FRAME: Milliseconds = 20_000;
/** A few bad timestamps must not look like a long wait. */
const MIN_MESSAGES_BEFORE_GIVING_UP = 30;

export class VideoIngest {
  readonly #context: IngestContext;
  readonly meter = new TrackMeter();
  header: LiveTag | undefined;
  track: VideoTrack | undefined;
  /** Why there is no track although video arrives. */
  refused: SluiceError | undefined;
  frames = 0;
  keyFrames = 0;
  /** Frames whose key frame flag contradicts the bitstream, in either direction. */
  keyFrameMismatches = 0;
  /** Frames before the first sequence header or the first key frame. */
  dropped = 0;
  /** Messages without anything to decode, and repeated headers. */
  ignored = 0;
  #unserved = 0;
  readonly #extra: ExtraVideoTracks;
  #codec: DescribedVideoCodec | undefined;
  #headers: VideoHeaders | undefined;
  #pictures: VideoPictures | undefined;
  #color: ColorDescription | undefined;
  #started = false;
  #waitingSince: Milliseconds | undefined;
  /** Media messages before the first key frame. */
  #awaited = 0;

  constructor(context: IngestContext) {
    this.#context = context;
    this.#extra = new ExtraVideoTracks(context);
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

  /** Emits held pictures, because their missing pieces would have come by now. */
  settle(): void {
    this.#pictures?.settle();
    this.#extra.settle();
  }

  /** Emits held pictures, because no more messages come. */
  flush(): void {
    this.#pictures?.flush();
    this.#extra.flush();
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
    if (tag.packetType === 'sequence-header') {
      this.#acceptHeader(tag, codec, body);
      return;
    }
    this.#track(codec).pictures.accept({ tag, body, timestamp });
    if (!this.#started) this.#wait(timestamp);
  }

  #noteColor(color: ColorDescription | undefined): void {
    // FFmpeg sends colour metadata even if it does not know the colours.
    if (color === undefined || isUnspecified(color)) return;
    this.#color = color;
    if (this.track !== undefined) this.track = { ...this.track, color };
  }

  #acceptHeader(tag: VideoTag, codec: DescribedVideoCodec, body: Buffer): void {
    const header = this.#track(codec).headers.fromMessage(tag, body);
    if (header === undefined) {
      this.ignored += 1;
      return;
    }
    // A sequence header applies only to the pictures after it, so held pictures are emitted first.
    this.#pictures?.flush();
    this.#setTrack(codec, header);
  }

  /** All readers learn a decoder configuration from its sequence header. */
  #setTrack(codec: DescribedVideoCodec, { media, description }: VideoHeader): void {
    checkPicture(description, this.#context.limits);
    const changed = this.header !== undefined;
    this.#describe(codec, media.data, description);
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

  #describe(codec: DescribedVideoCodec, configuration: Buffer, description: VideoDescription): void {
    const color = this.#color;
    this.track = { codec, configuration, description, ...(color !== undefined && { color }) };
    const { nalLengthSize, width } = description;
    this.#pictures?.configure({ nalLengthSize, sequenceHeader: width !== undefined });
    for (const set of this.#headers?.sets?.ofKind('sequence') ?? []) this.#pictures?.noteSequenceParameterSet(set);
  }

  #acceptPicture(picture: VideoPicture): void {
    const { message, kind } = picture;
    const { tag } = message;
    const { codec } = tag;
    if (!isServed(codec)) return;
    const keyFrame = this.#isKeyFrame(picture);
    if (picture.hasParameterSets || keyFrame) {
      const learned = this.#headers?.fromUnits(picture.units, this.track?.description, keyFrame);
      if (learned !== undefined) this.#setTrack(codec, learned);
    }
    // Nearly every H.264 message is a picture with the right header, and passes as it came.
    const isPlain = codec === 'avc' && !tag.enhanced && keyFrame === tag.keyFrame && picture.data === tag.data;
    const media = isPlain
      ? { body: message.body, data: tag.data }
      : videoBody(tag, message.body, { codec, keyFrame, data: picture.data });
    if (kind === 'key' && (codec === 'av1' || codec === 'vp9')) this.#describeByKeyFrame(codec, media.data);
    if (this.meter.standsStill(message.timestamp)) this.#context.repair('stuck-timestamps');
    if (!this.#started && (this.track === undefined || !keyFrame)) {
      this.dropped += 1;
      return;
    }
    const point = this.#context.timeline.map('video', picture.timestamp);
    if (point === undefined) {
      this.dropped += 1;
      return;
    }
    this.#started = true;
    this.frames += 1;
    if (keyFrame) this.keyFrames += 1;
    const measured = this.meter.add(point.dts, media.body.length);
    if (measured) checkFrameRate(this.meter.frameRate, this.#context.limits);
    // Properties are written out one by one, because an object spread is slow and this runs for every frame.
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

  /** The bitstream decides; the flag decides only if the bitstream cannot be parsed. */
  #isKeyFrame({ kind, first, message: { tag } }: VideoPicture): boolean {
    if (kind === 'unknown') return tag.keyFrame;
    const keyFrame = kind !== 'inter';
    // OBS 29.1 betas sent frame type 0. The flag of a message applies only to its first picture.
    if (first && tag.frameType !== 0 && keyFrame !== tag.keyFrame) {
      this.keyFrameMismatches += 1;
      this.#context.repair('key-frame-flags');
    }
    return keyFrame;
  }

  /** AV1 and VP9 give the picture size in key frames. */
  #describeByKeyFrame(codec: 'av1' | 'vp9', data: Buffer): void {
    const current = this.track?.description;
    const header = this.#headers?.fromKeyFrame(data, current);
    if (header === undefined) return;
    const isNew = current === undefined || current.width !== undefined;
    if (codec === 'av1' && isNew) {
      this.#setTrack(codec, header);
      return;
    }
    checkPicture(header.description, this.#context.limits);
    this.#describe(codec, this.header?.data ?? header.description.record, header.description);
    if (current?.width === undefined) return;
    this.#context.noteParameterChange('video');
    if (this.header === undefined) return;
    this.header = { ...this.header, dts: this.#context.timeline.position('video'), changed: true };
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

  /** Tells the publisher, because a silent wait for something that never comes would be a black picture without a reason. */
  #wait(timestamp: Milliseconds): void {
    this.#waitingSince ??= timestamp;
    this.#awaited += 1;
    const waited = (timestamp - this.#waitingSince) | 0;
    if (this.#awaited < MIN_MESSAGES_BEFORE_GIVING_UP) return;
    if (this.track === undefined && waited > MAX_WAIT_FOR_SEQUENCE_HEADER) {
      throw liveError(
        'live.no-sequence-header',
        `no video sequence header and no parameter sets in ${waited} ms of video`,
      );
    }
    if (waited > MAX_WAIT_FOR_KEY_FRAME) {
      throw liveError(
        'live.no-key-frame',
        `no key frame in ${waited} ms of video: set the key frame interval to 1..4 s`,
      );
    }
  }

  /** The parsers for the track. Its codec cannot change later. */
  #track(codec: DescribedVideoCodec): { readonly headers: VideoHeaders; readonly pictures: VideoPictures } {
    const { repair } = this.#context;
    if (this.#headers === undefined || this.#pictures === undefined || this.#codec !== codec) {
      this.#codec = codec;
      this.#headers = new VideoHeaders(codec, repair);
      this.#pictures = new VideoPictures({ codec, repair, onPicture: (picture) => this.#acceptPicture(picture) });
    }
    return { headers: this.#headers, pictures: this.#pictures };
  }
}

function isServed(codec: VideoCodec): codec is DescribedVideoCodec {
  return codec === 'avc' || codec === 'hevc' || codec === 'av1' || codec === 'vp9';
}
