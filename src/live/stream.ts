// One publisher, many readers: whatever the publisher sends is checked and timed once, here, and then only shared.
import { assertNever, SluiceError } from '../protocols/errors.js';
import { callAll } from '../protocols/failure-domain.js';
import { StateMachine } from '../protocols/state-machine.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import { AudioIngest, type AudioTrack } from './audio-ingest.js';
import { liveError } from './errors.js';
import { GOP_CACHE_BYTES } from './gop-cache.js';
import type { IngestContext } from './ingest-context.js';
import { DEFAULT_LIMITS, type LiveStreamLimits, MinuteLimit } from './limits.js';
import type { MetadataHints } from './metadata.js';
import { MetadataIngest } from './metadata-ingest.js';
import { Repairs } from './repairs.js';
import type { StreamStatistics } from './statistics.js';
import { Subscribers } from './subscribers.js';
import type { SubscribeOptions, Subscription } from './subscription.js';
import type { LiveTag, LiveTagKind } from './tag.js';
import { type MediaKind, TIMELINE_ORIGIN, Timeline } from './timeline.js';
import { TRACK_TIMEOUT, type TrackChange, TrackPresence } from './track-presence.js';
import { UnservedMedia } from './unserved-media.js';
import { VideoIngest } from './video-ingest.js';
import type { VideoTrack } from './video-track.js';

/** `waiting` for the first frame, `live`, then `ended` for good: the name's next publisher gets a new stream. */
export type LiveStreamState = 'waiting' | 'live' | 'ended';

export interface StreamListener {
  /** Each tag that entered the stream, in the call that published it. */
  readonly onTag?: (tag: LiveTag) => void;
  /** Once; without a reason the publisher ended by itself. */
  readonly onEnd?: (reason: SluiceError | undefined) => void;
  /** Something of the publisher's had to be changed (`live.repaired`) or left out, and the stream goes on. Once for each thing. */
  readonly onWarning?: (warning: SluiceError) => void;
  /**
   * A track appeared, at its first frame and before the tag of it; or it went away: no frame of it for the track timeout
   * while the other one went on, measured on the stream's timeline. It may come back.
   */
  readonly onTrackChange?: (change: TrackChange) => void;
}

export interface LiveStreamOptions {
  readonly app: string;
  readonly name: string;
  readonly startedAt: EpochMilliseconds;
  /** Stream time of the first media frame: a publisher that resumes a presentation begins where that stands. Default 1000. */
  readonly timelineOrigin?: Milliseconds;
  /** Bound of the GOP cache in bytes. */
  readonly gopCacheBytes?: number;
  /** Defaults: `DEFAULT_LIMITS`. */
  readonly limits?: Partial<LiveStreamLimits>;
  /** Media time of one track without a frame of the other, after which that counts as gone. Default 5000. */
  readonly trackTimeout?: Milliseconds;
  /** Monotonic clock, for `lastActivity` and the limits per minute. */
  readonly monotonic?: () => Milliseconds;
}

/** On arrival: the pieces of a picture come together, so one that has waited so long while other media came is whole. */
const PIECES_WAIT: Milliseconds = 200;

export class LiveStream {
  readonly app: string;
  readonly name: string;
  /** When the publisher was accepted. */
  readonly startedAt: EpochMilliseconds;
  /** Stream time of the first media frame. */
  readonly timelineOrigin: Milliseconds;
  readonly #state = new StateMachine<LiveStreamState>('live stream', 'waiting', {
    waiting: ['live', 'ended'],
    live: ['ended'],
    ended: [],
  });
  readonly #timeline: Timeline;
  readonly #video: VideoIngest;
  readonly #audio: AudioIngest;
  readonly #metadata: MetadataIngest;
  readonly #presence: TrackPresence;
  readonly #unserved = new UnservedMedia();
  readonly #repairs = new Repairs((told) => {
    callAll(this.#listeners, (listener) => listener.onWarning?.(told));
  });
  readonly #monotonic: () => Milliseconds;
  readonly #discontinuityLimit: MinuteLimit;
  readonly #parameterLimit: MinuteLimit;
  readonly #limits: LiveStreamLimits;
  readonly #listeners = new Set<StreamListener>();
  readonly #subscribers: Subscribers;
  #bytesIn = 0;
  #parameterChanges = 0;
  #lastActivity: Milliseconds;
  /** When the last message of video came. */
  #lastVideo: Milliseconds;
  #onKick: ((reason: SluiceError) => void) | undefined;
  #kicked: SluiceError | undefined;

  constructor(options: LiveStreamOptions) {
    this.app = options.app;
    this.name = options.name;
    this.startedAt = options.startedAt;
    this.timelineOrigin = Math.ceil(options.timelineOrigin ?? TIMELINE_ORIGIN);
    this.#timeline = new Timeline({ origin: this.timelineOrigin });
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#discontinuityLimit = new MinuteLimit(this.#limits.maxDiscontinuitiesPerMinute);
    this.#parameterLimit = new MinuteLimit(this.#limits.maxParameterChangesPerMinute);
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#lastActivity = this.#monotonic();
    this.#lastVideo = this.#lastActivity;
    this.#presence = new TrackPresence(options.trackTimeout ?? TRACK_TIMEOUT, (change) => {
      callAll(this.#listeners, (listener) => listener.onTrackChange?.(change));
    });
    const context: IngestContext = {
      timeline: this.#timeline,
      limits: this.#limits,
      emit: (tag) => this.#emit(tag),
      warn: (warning) => this.#repairs.warn(warning),
      repair: (kind) => this.#repairs.note(kind),
      noteParameterChange: (kind) => this.#noteParameterChange(kind),
    };
    this.#video = new VideoIngest(context);
    this.#audio = new AudioIngest(context);
    this.#metadata = new MetadataIngest(context);
    this.#subscribers = new Subscribers(options.gopCacheBytes ?? GOP_CACHE_BYTES, () => this.#headers());
  }

  get state(): LiveStreamState {
    return this.#state.state;
  }

  /** The sequence header in force. */
  get videoHeader(): LiveTag | undefined {
    return this.#video.header;
  }

  /** The sequence header in force, of AAC, Opus and FLAC; other codecs have none, see `audioTrack`. */
  get audioHeader(): LiveTag | undefined {
    return this.#audio.header;
  }

  /** The last onMetaData. */
  get metadata(): LiveTag | undefined {
    return this.#metadata.tag;
  }

  /** What the last onMetaData says; never to be trusted over the tracks. */
  get metadataHints(): MetadataHints {
    return this.#metadata.hints;
  }

  /** What the publisher's packets say it sends; undefined until it has sent enough to know. */
  get videoTrack(): VideoTrack | undefined {
    return this.#video.track;
  }

  get audioTrack(): AudioTrack | undefined {
    return this.#audio.track;
  }

  /** The newest one, as long as it is kept for readers that begin; undefined when there is none, or its pictures are too large to keep. */
  get keyFrame(): LiveTag | undefined {
    return this.#subscribers.gopCache.keyFrame;
  }

  /** Further video tracks of the codec of the first one, by track id; their tags reach listeners only. */
  get extraVideoTracks(): ReadonlyMap<number, VideoTrack> {
    return this.#video.extraTracks;
  }

  /** Whether frames of it come: see `onTrackChange`. */
  hasTrack(kind: MediaKind): boolean {
    return this.#presence.isPresent(kind);
  }

  /** Monotonic time of the last message, or of the claim before the first. */
  get lastActivity(): Milliseconds {
    return this.#lastActivity;
  }

  /** Stream time of the newest frame; 0 before the first. How far media runs ahead of real time is judged by it. */
  get position(): Milliseconds {
    return this.#timeline.position();
  }

  /**
   * One RTMP message in order of arrival.
   * @param timestamp u32 as on the wire
   * @param body belongs to the stream from here on
   * @throws {SluiceError} when the media cannot be served: the publisher is to be rejected with the message as its reason
   */
  publish(kind: LiveTagKind, timestamp: Milliseconds, body: Buffer): void {
    if (this.#state.is('ended')) throw liveError('live.ended', `got ${kind} for a stream that has ended`);
    this.#lastActivity = this.#monotonic();
    if (kind === 'video') this.#lastVideo = this.#lastActivity;
    else if (this.#lastActivity - this.#lastVideo > PIECES_WAIT) this.#video.settle();
    this.#bytesIn += body.length;
    this.#accept(kind, timestamp, body);
    this.#unserved.check(kind, timestamp, this.#video, this.#audio);
  }

  /** One sentence for each thing of the publisher's that was changed or left out, in the order in which that was found. */
  get shortcomings(): readonly string[] {
    return this.#repairs.sentences;
  }

  /** Registers the one listener that closes the publisher's connection; called at once when the stream was kicked before. */
  onKick(listener: (reason: SluiceError) => void): void {
    this.#onKick = listener;
    if (this.#kicked !== undefined) listener(this.#kicked);
  }

  /** Gets rid of the publisher (takeover, operator, failed transcoder): it is told the reason, and the stream has ended. Idempotent. */
  kick(reason: SluiceError): void {
    if (this.#kicked !== undefined || this.#state.is('ended')) return;
    this.#kicked = reason;
    try {
      this.#onKick?.(reason);
    } finally {
      this.end(reason);
    }
  }

  /** Ends the stream and releases everything it holds; later calls do nothing. Readers keep what they have queued. */
  end(reason?: SluiceError): void {
    if (this.#state.is('ended')) return;
    this.#flush();
    this.#state.to('ended');
    this.#subscribers.end();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    // Who looks at an ended stream must not keep its connection.
    this.#onKick = undefined;
    try {
      callAll(listeners, (listener) => listener.onEnd?.(reason));
    } finally {
      this.#subscribers.forget();
    }
  }

  /** A reader that starts with metadata, headers and the tags since the last key frame. */
  subscribe(options: SubscribeOptions): Subscription {
    return this.#subscribers.add(options, this.#video.track !== undefined);
  }

  /** @returns a function that removes the listener */
  on(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  get statistics(): StreamStatistics {
    const [video, audio, subscribers] = [this.#video, this.#audio, this.#subscribers];
    return {
      bytesIn: this.#bytesIn,
      videoFrames: video.frames,
      keyFrames: video.keyFrames,
      audioFrames: audio.frames,
      videoBitrate: video.rate.bitrate,
      audioBitrate: audio.rate.bitrate,
      videoFrameRate: video.rate.frameRate,
      droppedTags: video.dropped + audio.dropped,
      ignoredTags: video.ignored + audio.ignored + this.#metadata.ignored,
      unservedTags: video.unserved + audio.unserved,
      keyFrameMismatches: video.keyFrameMismatches,
      repairs: this.#repairs.counts,
      parameterChanges: this.#parameterChanges,
      subscribers: subscribers.count,
      subscriberDroppedTags: subscribers.droppedTags,
      gopCacheBytes: subscribers.gopCache.bytes,
      gopCacheOverflows: subscribers.gopCache.overflows,
      repairedTimestamps: this.#timeline.repaired,
      discontinuities: this.#timeline.discontinuities,
    };
  }

  /** The last picture has waited for what comes after it. Whatever is wrong with it, nobody is left to be told. */
  #flush(): void {
    try {
      this.#video.flush();
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
    }
  }

  #accept(kind: LiveTagKind, timestamp: Milliseconds, body: Buffer): void {
    switch (kind) {
      case 'video':
        this.#video.accept(timestamp, body);
        return;
      case 'audio':
        this.#audio.accept(timestamp, body);
        return;
      case 'script':
        this.#metadata.accept(body);
        return;
      default:
        assertNever(kind);
    }
  }

  #noteParameterChange(kind: MediaKind): void {
    this.#parameterChanges += 1;
    if (!this.#parameterLimit.exceeds(this.#monotonic())) return;
    throw liveError(
      'live.parameter-changes',
      `${kind} changed its format, more than ${this.#limits.maxParameterChangesPerMinute} changes in a minute`,
    );
  }

  #emit(tag: LiveTag): void {
    if (tag.discontinuity === true && this.#discontinuityLimit.exceeds(this.#monotonic())) {
      throw liveError(
        'live.timestamps',
        `${tag.kind} timestamps jumped, more than ${this.#limits.maxDiscontinuitiesPerMinute} jumps in a minute`,
      );
    }
    if (tag.kind !== 'script' && !tag.sequenceHeader && tag.trackId === 0) {
      if (this.#state.is('waiting')) this.#state.to('live');
      this.#presence.note(tag.kind, tag.dts);
    }
    this.#distribute(tag);
  }

  #distribute(tag: LiveTag): void {
    if (tag.trackId > 0) {
      // Readers and the cache know one video track.
      callAll(this.#listeners, (listener) => listener.onTag?.(tag));
      return;
    }
    const number = this.#subscribers.keep(tag);
    try {
      callAll(this.#listeners, (listener) => listener.onTag?.(tag));
    } finally {
      // A reader that a listener has just made got this tag with its start.
      this.#subscribers.offer(tag, number);
    }
  }

  #headers(): LiveTag[] {
    return [this.#metadata.tag, this.#video.header, this.#audio.header].filter((tag) => tag !== undefined);
  }
}
