// Decides for each audio message whether it enters the stream: audio that can be served or encoded becomes a track, other audio is dropped
// with a warning.
import { beginsWithAdts } from '../protocols/bitstream/adts.js';
import { SluiceError } from '../protocols/errors.js';
import { type AudioTag, parseAudioTag } from '../protocols/flv/audio-tag.js';
import { type AudioCodec, type AudioCodecId, audioCodecName } from '../protocols/flv/codecs.js';
import { type AudioDescription, type DescribedAudioCodec, describeAudio } from '../protocols/mp4/audio-description.js';
import type { Milliseconds } from '../protocols/units.js';
import { AdtsMessages } from './adts-messages.js';
import { liveError } from './errors.js';
import type { IngestContext } from './ingest-context.js';
import { aacBody, audioBody, type MediaBody } from './media-body.js';
import type { LiveTag } from './tag.js';
import { TrackMeter } from './track-meter.js';

export type ServedAudioCodec = AudioCodecId;

export interface AudioTrack {
  readonly codec: ServedAudioCodec;
  /** The record of the sequence header: AudioSpecificConfig, OpusHead, FLAC stream info; undefined if there is none. */
  readonly configuration: Buffer | undefined;
  /** Undefined for PCM, ADPCM, Nellymoser, G.711 and Speex, and for MP3 whose first frame cannot be parsed. */
  readonly description: AudioDescription | undefined;
  /** Output sample rate in Hz. Without a description it comes from the tags, and only a decoder can confirm it. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** Codecs that cannot be decoded without a sequence header. */
const NEEDS_HEADER: ReadonlySet<AudioCodecId> = new Set(['aac', 'flac']);
/** About two seconds of AAC: if a header is sent at all, it has come by then. */
const MAX_FRAMES_WITHOUT_HEADER = 100;
/** Codecs with a legacy header whose bodies do not describe their format. */
const UNDESCRIBED: ReadonlySet<AudioCodecId> = new Set<AudioCodecId>([
  'pcm',
  'adpcm',
  'nellymoser',
  'g711-alaw',
  'g711-mulaw',
  'speex',
]);

export class AudioIngest {
  readonly #context: IngestContext;
  readonly meter = new TrackMeter();
  header: LiveTag | undefined;
  track: AudioTrack | undefined;
  /** Why there is no track although audio arrives. */
  refused: SluiceError | undefined;
  frames = 0;
  /** Frames that came before a usable sequence header or before the start of the timeline. */
  dropped = 0;
  /** Messages without anything to decode, and repeated headers. */
  ignored = 0;
  /** Messages of audio that cannot be served. */
  unserved = 0;
  #warnedOfTracks = false;
  #configuration: Buffer | undefined;
  /** The last sequence header as received. */
  #received: Buffer | undefined;
  readonly #adts: AdtsMessages;
  /** Timestamp of the ADTS frame that is incomplete. */
  #adtsBegan: Milliseconds = 0;

  constructor(context: IngestContext) {
    this.#context = context;
    this.#adts = new AdtsMessages(context);
  }

  /** @throws live.codec-changed, live.parameter-changes, live.timestamps */
  accept(timestamp: Milliseconds, body: Buffer): void {
    const tag = parseAudioTag(body);
    if (tag.tracks !== undefined) this.#leaveOut(tag.tracks);
    if (tag.packetType === 'ignored' || tag.packetType === 'end-of-sequence') {
      this.ignored += 1;
      return;
    }
    const { codec } = tag;
    if (!isServed(codec)) {
      this.unserved += 1;
      this.#refuse(
        liveError('live.audio-codec', `${audioCodecName(codec)} audio cannot be served: set the encoder to AAC`),
      );
      return;
    }
    if (this.track !== undefined && this.track.codec !== codec) {
      throw liveError(
        'live.codec-changed',
        `audio changed from ${audioCodecName(this.track.codec)} to ${audioCodecName(codec)}: stop and start the stream`,
      );
    }
    if (tag.packetType === 'sequence-header') this.#acceptHeader(tag, codec, body);
    else this.#acceptFrame(tag, codec, timestamp, body);
  }

  #acceptHeader(tag: AudioTag, codec: ServedAudioCodec, body: Buffer): void {
    // Many encoders repeat the sequence header; only a different one matters.
    const known = this.#received?.equals(tag.data);
    // AC-3 and MP3 describe the format in each frame, so their sequence headers, if any, are empty.
    if (known || !isDescribedByHeader(codec)) {
      this.ignored += 1;
      return;
    }
    this.#received = Buffer.from(tag.data);
    const media = audioBody(tag, body, codec);
    if (codec !== 'aac' || !beginsWithAdts(tag.data)) {
      this.#setHeader(codec, media);
      return;
    }
    const made = this.#adts.openHeader(tag.data);
    if (made !== undefined) this.#setHeader(codec, aacBody('sequence-header', made));
  }

  #setHeader(codec: 'aac' | 'opus' | 'flac', { body, data }: MediaBody): void {
    if (this.#configuration?.equals(data)) {
      this.ignored += 1;
      return;
    }
    let description: AudioDescription;
    try {
      description = describeAudio(codec, data);
    } catch (error) {
      // The video may be good: without a usable configuration only the audio is dropped.
      if (!(error instanceof SluiceError)) throw error;
      this.ignored += 1;
      this.#refuse(
        liveError(
          'live.audio-configuration',
          `the ${audioCodecName(codec)} audio configuration is broken (${error.message})`,
          { cause: error },
        ),
      );
      return;
    }
    const changed = this.#configuration !== undefined;
    this.#configuration = data;
    const { sampleRate, channels } = description;
    this.track = { codec, configuration: data, description, sampleRate, channels };
    this.refused = undefined;
    this.header = {
      kind: 'audio',
      dts: this.#context.timeline.position('audio'),
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: true,
      body,
      data,
      codec,
      trackId: 0,
      changed,
      discontinuity: false,
    };
    if (changed) this.#context.noteParameterChange('audio');
    this.#context.emit(this.header);
  }

  #acceptFrame(tag: AudioTag, codec: ServedAudioCodec, timestamp: Milliseconds, body: Buffer): void {
    if (this.meter.standsStill(timestamp)) this.#context.repair('stuck-timestamps');
    if (codec !== 'aac' || !this.#adts.takes(tag.data)) {
      this.#passFrame(tag, codec, timestamp, body);
      return;
    }
    const opened = this.#adts.open(tag.data, this.#configuration);
    if (opened.lost) this.dropped += 1;
    if (opened.configuration !== undefined) this.#setHeader(codec, aacBody('sequence-header', opened.configuration));
    const { samplesPerFrame = 0, frameRateBase = 1 } = this.track?.description ?? {};
    const earlier = opened.continues ? 1 : 0;
    // The timestamp of a message belongs to the first frame that begins in it.
    const timeOf = (index: number): Milliseconds =>
      index < earlier
        ? this.#adtsBegan
        : (timestamp + Math.round(((index - earlier) * samplesPerFrame * 1000) / frameRateBase)) >>> 0;
    const times = opened.frames.map((_, index) => timeOf(index));
    this.#adtsBegan = timeOf(opened.frames.length);
    opened.frames.forEach((frame, index) => {
      const { body: bare, data } = aacBody('frames', frame);
      this.#passFrame({ ...tag, enhanced: false, data }, codec, times[index] ?? timestamp, bare);
    });
  }

  #passFrame(tag: AudioTag, codec: ServedAudioCodec, timestamp: Milliseconds, body: Buffer): void {
    this.track ??= this.#describeByFrame(tag, codec);
    if (this.track === undefined) {
      this.#dropUndescribed(codec);
      return;
    }
    const point = this.#context.timeline.map('audio', timestamp);
    if (point === undefined) {
      this.dropped += 1;
      return;
    }
    this.frames += 1;
    this.meter.add(point.dts, body.length);
    const media = audioBody(tag, body, codec);
    this.#context.emit({
      kind: 'audio',
      dts: point.dts,
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: false,
      body: media.body,
      data: media.data,
      codec,
      trackId: 0,
      changed: false,
      discontinuity: point.discontinuity,
    });
  }

  /** For codecs that need no sequence header: describes the track from a frame. */
  #describeByFrame(tag: AudioTag, codec: ServedAudioCodec): AudioTrack | undefined {
    if (NEEDS_HEADER.has(codec)) return undefined;
    const description = isDescribed(codec) ? describeOrUndefined(codec, tag.data) : undefined;
    // AC-3 or Opus that cannot be parsed is something else. MP3 is given to a decoder, which can find frame boundaries.
    if (description === undefined && isDescribed(codec) && codec !== 'mp3') return undefined;
    return {
      codec,
      configuration: undefined,
      description,
      sampleRate: description?.sampleRate ?? tag.sampleRate ?? 44_100,
      channels: description?.channels ?? tag.channels ?? 2,
    };
  }

  #dropUndescribed(codec: ServedAudioCodec): void {
    this.dropped += 1;
    if (this.dropped < MAX_FRAMES_WITHOUT_HEADER) return;
    this.#refuse(
      liveError(
        'live.audio-configuration',
        `${this.dropped} frames of ${audioCodecName(codec)} audio came without a usable configuration`,
      ),
    );
  }

  #leaveOut(tracks: readonly AudioTag[]): void {
    this.unserved += tracks.length;
    const [first] = tracks;
    if (first === undefined || this.#warnedOfTracks) return;
    this.#warnedOfTracks = true;
    this.#context.warn(
      liveError('live.extra-track', `audio track ${first.trackId}: only track 0 of the audio is served`),
    );
  }

  #refuse(reason: SluiceError): void {
    if (this.track !== undefined) return;
    if (this.refused === undefined) this.#context.warn(reason);
    this.refused ??= reason;
  }
}

function isServed(codec: AudioCodec): codec is ServedAudioCodec {
  return typeof codec === 'string';
}

function isDescribed(codec: ServedAudioCodec): codec is DescribedAudioCodec {
  return !UNDESCRIBED.has(codec);
}

function isDescribedByHeader(codec: ServedAudioCodec): codec is 'aac' | 'opus' | 'flac' {
  return codec === 'aac' || codec === 'opus' || codec === 'flac';
}

function describeOrUndefined(codec: DescribedAudioCodec, frame: Buffer): AudioDescription | undefined {
  try {
    return describeAudio(codec, undefined, frame);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return undefined;
  }
}
