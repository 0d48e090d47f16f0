// Decides, message by message, what of a publisher's audio enters the stream, and says what transcoding it will need.
import { SluiceError } from '../protocols/errors.js';
import { type AudioTag, parseAudioTag } from '../protocols/flv/audio-tag.js';
import { type AudioCodec, type AudioCodecId, audioCodecName } from '../protocols/flv/codecs.js';
import { legacyAacBody } from '../protocols/flv/legacy-body.js';
import { type AudioSpecificConfig, parseAudioSpecificConfig } from '../protocols/mp4/aac.js';
import type { Milliseconds } from '../protocols/units.js';
import { liveError } from './errors.js';
import { RateMeter } from './rate-meter.js';
import type { LiveTag } from './tag.js';
import type { Timeline } from './timeline.js';

/** Codecs without a sequence header that FFmpeg's FLV demuxer reads and its decoders decode: served as AAC. */
export const ENCODED_AUDIO_CODECS = [
  'mp3',
  'pcm',
  'adpcm',
  'nellymoser',
  'g711-alaw',
  'g711-mulaw',
  'speex',
] as const satisfies readonly AudioCodecId[];

export type EncodedAudioCodec = (typeof ENCODED_AUDIO_CODECS)[number];

export type AudioTrack =
  | { readonly codec: 'aac'; readonly configuration: AudioSpecificConfig }
  /** Hz and channels as the tags say, which only a decoder can confirm. */
  | { readonly codec: EncodedAudioCodec; readonly sampleRate: number; readonly channels: number };

export class AudioIngest {
  readonly #timeline: Timeline;
  readonly #warn: (warning: SluiceError) => void;
  readonly rate = new RateMeter();
  header: LiveTag | undefined;
  track: AudioTrack | undefined;
  frames = 0;
  /** AAC frames before a usable AudioSpecificConfig. */
  dropped = 0;
  /** Messages without anything to decode, and repeated headers. */
  ignored = 0;
  #configuration: Buffer | undefined;

  constructor(timeline: Timeline, warn: (warning: SluiceError) => void) {
    this.#timeline = timeline;
    this.#warn = warn;
  }

  /**
   * @returns the tag to pass on, or undefined when there is none
   * @throws live.audio-codec, live.codec-changed
   */
  accept(timestamp: Milliseconds, body: Buffer): LiveTag | undefined {
    const tag = parseAudioTag(body);
    if (tag.packetType === 'ignored' || tag.packetType === 'end-of-sequence') {
      this.ignored += 1;
      return undefined;
    }
    const { codec } = tag;
    if (codec !== 'aac' && !isEncoded(codec)) {
      throw liveError(
        'live.audio-codec',
        `${audioCodecName(codec)} audio is not supported yet: set the encoder to AAC`,
      );
    }
    if (this.track !== undefined && this.track.codec !== codec) {
      throw liveError(
        'live.codec-changed',
        `audio changed from ${audioCodecName(this.track.codec)} to ${audioCodecName(codec)}: stop and start the stream`,
      );
    }
    if (tag.packetType === 'sequence-header') return codec === 'aac' ? this.#acceptHeader(tag, body) : undefined;
    if (codec !== 'aac') {
      // Only AAC travels behind an Enhanced RTMP head that FFmpeg can do without; MP3 there is read by newer ones only.
      if (tag.enhanced) {
        throw liveError('live.audio-codec', `${audioCodecName(codec)} in Enhanced RTMP is not supported yet: set AAC`);
      }
      this.track ??= { codec, sampleRate: tag.sampleRate ?? 44_100, channels: tag.channels ?? 2 };
    }
    if (this.track === undefined) {
      this.dropped += 1;
      return undefined;
    }
    const { dts, discontinuity } = this.#timeline.map('audio', timestamp);
    this.frames += 1;
    this.rate.add(dts, body.length);
    return {
      kind: 'audio',
      dts,
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: false,
      ...mediaBody(tag, body),
      changed: false,
      discontinuity,
    };
  }

  #acceptHeader(tag: AudioTag, body: Buffer): LiveTag | undefined {
    if (this.#configuration?.equals(tag.data)) {
      this.ignored += 1;
      return undefined;
    }
    let configuration: AudioSpecificConfig;
    try {
      configuration = parseAudioSpecificConfig(tag.data);
    } catch (error) {
      // Video may be fine: without a usable configuration only the audio is left out (A7.10).
      if (!(error instanceof SluiceError)) throw error;
      this.ignored += 1;
      this.#warn(error);
      return undefined;
    }
    const changed = this.#configuration !== undefined;
    this.#configuration = tag.data;
    this.track = { codec: 'aac', configuration };
    this.header = {
      kind: 'audio',
      dts: this.#timeline.position('audio'),
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: true,
      ...mediaBody(tag, body),
      changed,
      discontinuity: false,
    };
    return this.header;
  }
}

/** A message behind an Enhanced RTMP head is copied once behind the legacy one, and the data is a view of the copy. */
function mediaBody(tag: AudioTag, body: Buffer): Pick<LiveTag, 'body' | 'data' | 'codec' | 'trackId'> {
  const rewritten = tag.enhanced ? legacyAacBody(tag) : body;
  const data = tag.enhanced ? rewritten.subarray(2) : tag.data;
  return { body: rewritten, data, codec: typeof tag.codec === 'string' ? tag.codec : undefined, trackId: 0 };
}

function isEncoded(codec: AudioCodec): codec is EncodedAudioCodec {
  return ENCODED_AUDIO_CODECS.some((encoded) => encoded === codec);
}
