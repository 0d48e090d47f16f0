// A live stream: one publisher, many readers. Everything from the publisher is checked and timed once, here, and then shared.
import type { Clock } from '../protocols/clock.js';
import { assertNever, SluiceError } from '../protocols/errors.js';
import { callAll } from '../protocols/failure-domain.js';
import { StateMachine } from '../protocols/state-machine.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import { AudioIngest, type AudioTrack } from './audio-ingest.js';
import { ChangeLimits } from './change-limits.js';
import { DataIngest } from './data-ingest.js';
import { liveError } from './errors.js';
import type { IngestContext } from './ingest-context.js';
import { DEFAULT_LIMITS } from './limits.js';
import { isMetadata, type MetadataHints } from './metadata.js';
import { MetadataIngest } from './metadata-ingest.js';
import { type RepairKind, Repairs } from './repairs.js';
import type { StreamStatistics } from './statistics.js';
import type { LiveStreamOptions, LiveStreamState, StreamListener } from './stream-options.js';
import { GOP_CACHE_BYTES, Subscribers } from './subscribers.js';
import type { SubscribeOptions, Subscription } from './subscription.js';
import type { LiveTag, LiveTagKind } from './tag.js';
import { TIMELINE_ORIGIN, Timeline } from './timeline.js';
import { TRACK_TIMEOUT, TrackPresence } from './track-presence.js';
import { UnservedMedia } from './unserved-media.js';
import type { VideoTrack } from './video-headers.js';
import { VideoIngest } from './video-ingest.js';

/** Measured by arrival. The pieces of a picture arrive together: if other media arrives this much later, the picture is complete. */
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
  readonly #data: DataIngest;
  readonly #presence: TrackPresence;
  readonly #unserved = new UnservedMedia();
  readonly #repairs = new Repairs((told) => {
    callAll(this.#listeners, (listener) => listener.onWarning?.(told));
  });
  readonly #clock: Pick<Clock, 'now'>;
  readonly #changes: ChangeLimits;
  readonly #listeners = new Set<StreamListener>();
  readonly #subscribers: Subscribers;
  #bytesIn = 0;
  #lastActivity: Milliseconds;
  /** When the last video message arrived. */
  #lastVideo: Milliseconds;
  #onKick: ((reason: SluiceError) => void) | undefined;
  #kicked: SluiceError | undefined;

  constructor(options: LiveStreamOptions) {
    this.app = options.app;
    this.name = options.name;
    this.startedAt = options.startedAt;
    this.timelineOrigin = Math.ceil(options.timelineOrigin ?? TIMELINE_ORIGIN);
    const now = () => this.#clock.now();
    const repair = (kind: RepairKind) => this.#repairs.countRepair(kind);
    this.#timeline = new Timeline({ origin: this.timelineOrigin, now, repair });
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#clock = options.clock ?? performance;
    this.#changes = new ChangeLimits(limits, now);
    this.#lastActivity = this.#clock.now();
    this.#lastVideo = this.#lastActivity;
    this.#presence = new TrackPresence(options.trackTimeout ?? TRACK_TIMEOUT, (change) => {
      callAll(this.#listeners, (listener) => listener.onTrackChange?.(change));
    });
    const context: IngestContext = {
      timeline: this.#timeline,
      limits,
      emit: (tag) => this.#emit(tag),
      warn: (warning) => this.#repairs.addLeftOut(warning),
      repair,
      noteParameterChange: (kind) => this.#changes.noteParameters(kind),
    };
    this.#video = new VideoIngest(context);
    this.#audio = new AudioIngest(context);
    this.#metadata = new MetadataIngest(context);
    this.#data = new DataIngest(context, now);
    this.#subscribers = new Subscribers(options.gopCacheBytes ?? GOP_CACHE_BYTES, () => this.#headers());
  }

  get state(): LiveStreamState {
    return this.#state.state;
  }

  /** The sequence header in force. */
  get videoHeader(): LiveTag | undefined {
    return this.#video.header;
  }

  /** The sequence header in force, for AAC, Opus and FLAC; other codecs have none, see `audioTrack`. */
  get audioHeader(): LiveTag | undefined {
    return this.#audio.header;
  }

  /** The last onMetaData. */
  get metadata(): LiveTag | undefined {
    return this.#metadata.tag;
  }

  /** The content of the last onMetaData; the tracks take precedence over it. */
  get metadataHints(): MetadataHints {
    return this.#metadata.hints;
  }

  /** The properties of the video according to the bitstream; undefined until enough has been received. */
  get videoTrack(): VideoTrack | undefined {
    return this.#video.track;
  }

  get audioTrack(): AudioTrack | undefined {
    return this.#audio.track;
  }

  /** The newest key frame while it is kept for new readers; undefined if there is none, or its GOP is too large to keep. */
  get keyFrame(): LiveTag | undefined {
    return this.#subscribers.gopCache.keyFrame;
  }

  /** Monotonic time of the last message; before the first message, that of the claim. */
  get lastActivity(): Milliseconds {
    return this.#lastActivity;
  }

  /** Stream time of the newest frame; 0 before the first. Used to judge how far media runs ahead of real time. */
  get position(): Milliseconds {
    return this.#timeline.position();
  }

  /**
   * Takes one RTMP message, in order of arrival.
   * @param timestamp u32 as on the wire
   * @param body owned by the stream from here on
   * @throws {SluiceError} if the media cannot be served: reject the publisher with the message as the reason
   */
  publish(kind: LiveTagKind, timestamp: Milliseconds, body: Buffer): void {
    if (this.#state.is('ended')) throw liveError('live.ended', `got ${kind} for a stream that has ended`);
    this.#lastActivity = this.#clock.now();
    if (kind === 'video') this.#lastVideo = this.#lastActivity;
    else if (this.#lastActivity - this.#lastVideo > PIECES_WAIT) this.#video.settle();
    this.#bytesIn += body.length;
    this.#accept(kind, timestamp, body);
    if (this.#video.track === undefined && this.#audio.track === undefined) {
      this.#unserved.check(kind, timestamp, this.#video.refused, this.#audio.refused);
    }
  }

  /** One sentence for each thing that was changed or dropped, in order of detection. */
  get shortcomings(): readonly string[] {
    return this.#repairs.sentences;
  }

  /**
   * Counts a fault that was found when the media was served, and adds the first of each kind to `shortcomings`.
   * @returns whether it is the first of its kind, which the caller logs
   */
  report(kind: RepairKind, sentence: string): boolean {
    return this.#repairs.countFault(kind, sentence);
  }

  /** Sets the one listener that closes the publisher's connection; it is called at once if the stream was kicked before. */
  onKick(listener: (reason: SluiceError) => void): void {
    this.#onKick = listener;
    if (this.#kicked !== undefined) listener(this.#kicked);
  }

  /** Removes the publisher (takeover, operator, failed transcoder): tells it the reason and ends the stream. Idempotent. */
  kick(reason: SluiceError): void {
    if (this.#kicked !== undefined || this.#state.is('ended')) return;
    this.#kicked = reason;
    try {
      this.#onKick?.(reason);
    } finally {
      this.end(reason);
    }
  }

  /** Ends the stream and releases its memory; later calls do nothing. Readers keep the tags that are queued for them. */
  end(reason?: SluiceError): void {
    if (this.#state.is('ended')) return;
    this.#flush();
    this.#state.to('ended');
    this.#subscribers.end();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    // Whoever keeps a reference to the ended stream must not keep the publisher's connection in memory.
    this.#onKick = undefined;
    try {
      callAll(listeners, (listener) => listener.onEnd?.(reason));
    } finally {
      this.#subscribers.forget();
    }
  }

  /** Adds a reader that starts with metadata, headers and the tags since the last key frame. */
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
      videoBitrate: video.meter.bitrate,
      audioBitrate: audio.meter.bitrate,
      videoFrameRate: video.meter.frameRate,
      droppedTags: video.dropped + audio.dropped,
      ignoredTags: video.ignored + audio.ignored + this.#metadata.ignored + this.#data.ignored,
      dataMessages: this.#data.messages,
      unservedTags: video.unserved + audio.unserved,
      keyFrameMismatches: video.keyFrameMismatches,
      repairs: this.#repairs.counts,
      parameterChanges: this.#changes.parameterChanges,
      subscribers: subscribers.count,
      subscriberDroppedTags: subscribers.droppedTags,
      gopCacheBytes: subscribers.gopCache.bytes,
      gopCacheOverflows: subscribers.gopCache.overflows,
      repairedTimestamps: this.#timeline.repaired,
      discontinuities: this.#timeline.discontinuities,
    };
  }

  /** Emits pictures that are held for later messages. Errors are ignored, because the publisher is gone. */
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
        if (isMetadata(body)) this.#metadata.accept(body);
        else this.#data.accept(timestamp, body);
        return;
      default:
        assertNever(kind);
    }
  }

  #emit(tag: LiveTag): void {
    if (tag.discontinuity === true) this.#changes.noteJump(tag.kind);
    if (tag.trackId > 0) {
      // Readers and the GOP cache get only video track 0.
      callAll(this.#listeners, (listener) => listener.onTag?.(tag));
      return;
    }
    if (tag.kind !== 'script' && !tag.sequenceHeader) {
      if (this.#state.is('waiting')) this.#state.to('live');
      this.#presence.note(tag.kind, tag.dts);
    }
    const number = this.#subscribers.keep(tag);
    try {
      callAll(this.#listeners, (listener) => listener.onTag?.(tag));
    } finally {
      // A reader that a listener has just added has already got this tag.
      this.#subscribers.offer(tag, number);
    }
  }

  #headers(): LiveTag[] {
    return [this.#metadata.tag, this.#video.header, this.#audio.header].filter((tag) => tag !== undefined);
  }
}
