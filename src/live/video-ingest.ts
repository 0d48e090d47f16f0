// Decides, message by message, what of a publisher's video enters the stream: nothing a decoder could not start with.
import { videoCodecName } from '../protocols/flv/codecs.js';
import { legacyAvcBody } from '../protocols/flv/legacy-body.js';
import { parseVideoTag, type VideoTag } from '../protocols/flv/video-tag.js';
import { type AvcDecoderConfiguration, parseAvcDecoderConfigurationRecord } from '../protocols/mp4/avc.js';
import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import { RateMeter } from './rate-meter.js';
import type { LiveTag } from './tag.js';
import type { Timeline } from './timeline.js';

/** A sequence header comes first or never: frames alone are given this long, then the publisher is told. */
export const MAX_WAIT_FOR_SEQUENCE_HEADER: Milliseconds = 10_000;
/** No group of pictures an encoder is set to on purpose is longer. */
export const MAX_WAIT_FOR_KEY_FRAME: Milliseconds = 20_000;
/** A few odd timestamps alone must not look like a long wait. */
const MIN_FRAMES_BEFORE_GIVING_UP = 30;

export interface VideoTrack {
  readonly codec: 'avc';
  readonly configuration: AvcDecoderConfiguration;
}

export class VideoIngest {
  readonly #timeline: Timeline;
  readonly rate = new RateMeter();
  header: LiveTag | undefined;
  track: VideoTrack | undefined;
  frames = 0;
  keyFrames = 0;
  /** Frames before the first sequence header or key frame. */
  dropped = 0;
  /** Messages without anything to decode, and repeated headers. */
  ignored = 0;
  #configuration: Buffer | undefined;
  #started = false;
  #waitingSince: Milliseconds | undefined;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /**
   * @returns the tag to pass on, or undefined when there is none
   * @throws live.video-codec, live.no-sequence-header, live.no-key-frame, and mp4.* for a broken avcC
   */
  accept(timestamp: Milliseconds, body: Buffer): LiveTag | undefined {
    const tag = parseVideoTag(body);
    if (tag.packetType === 'ignored' || tag.packetType === 'end-of-sequence') {
      this.ignored += 1;
      return undefined;
    }
    if (tag.codec !== 'avc') {
      throw liveError(
        'live.video-codec',
        `${videoCodecName(tag.codec)} video is not supported yet: set the encoder to H.264`,
      );
    }
    return tag.packetType === 'sequence-header'
      ? this.#acceptHeader(tag, body)
      : this.#acceptFrame(tag, timestamp, body);
  }

  #acceptHeader(tag: VideoTag, body: Buffer): LiveTag | undefined {
    // Many encoders repeat it before each key frame: only another one means anything (A7.01).
    if (this.#configuration?.equals(tag.data)) {
      this.ignored += 1;
      return undefined;
    }
    const configuration = parseAvcDecoderConfigurationRecord(tag.data);
    const changed = this.#configuration !== undefined;
    this.#configuration = tag.data;
    this.track = { codec: 'avc', configuration };
    this.header = {
      kind: 'video',
      dts: this.#timeline.position('video'),
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: true,
      ...mediaBody(tag, body),
      changed,
      discontinuity: false,
    };
    return this.header;
  }

  #acceptFrame(tag: VideoTag, timestamp: Milliseconds, body: Buffer): LiveTag | undefined {
    if (!this.#started) {
      if (this.track === undefined || !tag.keyFrame) return this.#drop(timestamp);
      this.#started = true;
    }
    const { dts, discontinuity } = this.#timeline.map('video', timestamp);
    this.frames += 1;
    if (tag.keyFrame) this.keyFrames += 1;
    this.rate.add(dts, body.length);
    return {
      kind: 'video',
      dts,
      compositionTime: tag.compositionTime,
      keyFrame: tag.keyFrame,
      sequenceHeader: false,
      ...mediaBody(tag, body),
      changed: false,
      discontinuity,
    };
  }

  /** Waiting in silence for what never comes would be a black picture without a reason (A7.03, A7.15). */
  #drop(timestamp: Milliseconds): undefined {
    this.dropped += 1;
    this.#waitingSince ??= timestamp;
    const waited = (timestamp - this.#waitingSince) | 0;
    if (this.dropped < MIN_FRAMES_BEFORE_GIVING_UP) return;
    if (this.track === undefined && waited > MAX_WAIT_FOR_SEQUENCE_HEADER) {
      throw liveError('live.no-sequence-header', `no H.264 sequence header (SPS and PPS) in ${waited} ms of video`);
    }
    if (waited > MAX_WAIT_FOR_KEY_FRAME) {
      throw liveError(
        'live.no-key-frame',
        `no key frame in ${waited} ms of video: set the key frame interval to 1..4 s`,
      );
    }
  }
}

/** A message behind an Enhanced RTMP head is copied once behind the legacy one, and the data is a view of the copy. */
function mediaBody(tag: VideoTag, body: Buffer): Pick<LiveTag, 'body' | 'data' | 'codec' | 'trackId'> {
  const rewritten = tag.enhanced ? legacyAvcBody(tag) : body;
  return { body: rewritten, data: tag.enhanced ? rewritten.subarray(5) : tag.data, codec: 'avc', trackId: 0 };
}
