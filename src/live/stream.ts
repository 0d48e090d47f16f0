// One publisher, many readers: whatever the publisher sends is checked and timed once, here, and then only shared.
import { assertNever, type SluiceError } from '../protocols/errors.js';
import { StateMachine } from '../protocols/state-machine.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import { AudioIngest, type AudioTrack } from './audio-ingest.js';
import { liveError } from './errors.js';
import { GOP_CACHE_BYTES, GopCache } from './gop-cache.js';
import { isMetadata, type MetadataHints, readMetadataHints } from './metadata.js';
import type { StreamStatistics } from './statistics.js';
import { type SubscribeOptions, Subscription } from './subscription.js';
import type { LiveTag, LiveTagKind } from './tag.js';
import { Timeline } from './timeline.js';
import { VideoIngest, type VideoTrack } from './video-ingest.js';

/** `waiting` for the first frame, `live`, then `ended` for good: the name's next publisher gets a new stream. */
export type LiveStreamState = 'waiting' | 'live' | 'ended';

export interface StreamListener {
  /** Each tag that entered the stream, in the call that published it. */
  readonly onTag?: (tag: LiveTag) => void;
  /** Once; without a reason the publisher ended by itself. */
  readonly onEnd?: (reason: SluiceError | undefined) => void;
  /** Something of the publisher's had to be left out, and the stream goes on without it. */
  readonly onWarning?: (warning: SluiceError) => void;
}

export interface LiveStreamOptions {
  readonly app: string;
  readonly name: string;
  readonly startedAt: EpochMilliseconds;
  /** Stream time of the first media frame: a publisher that resumes a presentation begins where that stands. Default 1000. */
  readonly timelineOrigin?: Milliseconds;
  /** Bound of the GOP cache in bytes. */
  readonly gopCacheBytes?: number;
}

export class LiveStream {
  readonly app: string;
  readonly name: string;
  /** When the publisher was accepted. */
  readonly startedAt: EpochMilliseconds;
  readonly #state = new StateMachine<LiveStreamState>('live stream', 'waiting', {
    waiting: ['live', 'ended'],
    live: ['ended'],
    ended: [],
  });
  readonly #timeline: Timeline;
  readonly #video: VideoIngest;
  readonly #audio: AudioIngest;
  readonly #gopCache: GopCache;
  readonly #listeners = new Set<StreamListener>();
  /** Each with the number of the first tag it has not got by its start. */
  readonly #subscriptions = new Map<Subscription, number>();
  #metadata: LiveTag | undefined;
  #metadataHints: MetadataHints = {};
  #tagCount = 0;
  #bytesIn = 0;
  #ignoredScripts = 0;
  #subscriberDrops = 0;

  constructor(options: LiveStreamOptions) {
    this.app = options.app;
    this.name = options.name;
    this.startedAt = options.startedAt;
    this.#timeline = new Timeline({ ...(options.timelineOrigin !== undefined && { origin: options.timelineOrigin }) });
    this.#video = new VideoIngest(this.#timeline);
    this.#audio = new AudioIngest(this.#timeline, (warning) => this.#warn(warning));
    this.#gopCache = new GopCache(options.gopCacheBytes ?? GOP_CACHE_BYTES);
  }

  get state(): LiveStreamState {
    return this.#state.state;
  }

  /** The sequence header in force. */
  get videoHeader(): LiveTag | undefined {
    return this.#video.header;
  }

  /** The AAC sequence header in force; other codecs have none, see `audioTrack`. */
  get audioHeader(): LiveTag | undefined {
    return this.#audio.header;
  }

  /** The last onMetaData. */
  get metadata(): LiveTag | undefined {
    return this.#metadata;
  }

  /** What the last onMetaData says; never to be trusted over the tracks. */
  get metadataHints(): MetadataHints {
    return this.#metadataHints;
  }

  /** What the publisher's packets say it sends; undefined until it has sent enough to know. */
  get videoTrack(): VideoTrack | undefined {
    return this.#video.track;
  }

  get audioTrack(): AudioTrack | undefined {
    return this.#audio.track;
  }

  /**
   * One RTMP message in order of arrival.
   * @param timestamp u32 as on the wire
   * @param body belongs to the stream from here on
   * @throws {SluiceError} when the media cannot be served: the publisher is to be rejected with the message as its reason
   */
  publish(kind: LiveTagKind, timestamp: Milliseconds, body: Buffer): void {
    if (this.#state.is('ended')) throw liveError('live.ended', `got ${kind} for a stream that has ended`);
    this.#bytesIn += body.length;
    const tag = this.#accept(kind, timestamp, body);
    if (tag === undefined) return;
    if (this.#state.is('waiting') && tag.kind !== 'script' && !tag.sequenceHeader) this.#state.to('live');
    this.#distribute(tag);
  }

  /** Ends the stream and releases everything it holds; later calls do nothing. Readers keep what they have queued. */
  end(reason?: SluiceError): void {
    if (this.#state.is('ended')) return;
    this.#state.to('ended');
    this.#gopCache.clear();
    for (const subscription of this.#subscriptions.keys()) subscription.end();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.onEnd?.(reason);
    this.#subscriptions.clear();
  }

  /** A reader that starts with metadata, headers and the tags since the last key frame. */
  subscribe(options: SubscribeOptions): Subscription {
    const cached = this.#gopCache.tags;
    const awaitingKeyFrame = this.#video.header !== undefined && cached.length === 0;
    const subscription = new Subscription(options, awaitingKeyFrame, () => {
      this.#subscriberDrops += subscription.droppedTags;
      this.#subscriptions.delete(subscription);
    });
    if (this.#state.is('ended')) {
      subscription.end();
      return subscription;
    }
    this.#subscriptions.set(subscription, this.#tagCount + 1);
    subscription.prefill(cached.length > 0 ? cached : this.#headers());
    return subscription;
  }

  /** @returns a function that removes the listener */
  on(listener: StreamListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  get statistics(): StreamStatistics {
    const [video, audio] = [this.#video, this.#audio];
    let droppedBySubscribers = this.#subscriberDrops;
    for (const subscription of this.#subscriptions.keys()) droppedBySubscribers += subscription.droppedTags;
    return {
      bytesIn: this.#bytesIn,
      videoFrames: video.frames,
      keyFrames: video.keyFrames,
      audioFrames: audio.frames,
      videoBitrate: video.rate.bitrate,
      audioBitrate: audio.rate.bitrate,
      videoFrameRate: video.rate.frameRate,
      droppedTags: video.dropped + audio.dropped,
      ignoredTags: video.ignored + audio.ignored + this.#ignoredScripts,
      subscribers: this.#subscriptions.size,
      subscriberDroppedTags: droppedBySubscribers,
      gopCacheBytes: this.#gopCache.bytes,
      gopCacheOverflows: this.#gopCache.overflows,
      repairedTimestamps: this.#timeline.repaired,
      discontinuities: this.#timeline.discontinuities,
    };
  }

  #accept(kind: LiveTagKind, timestamp: Milliseconds, body: Buffer): LiveTag | undefined {
    switch (kind) {
      case 'video':
        return this.#video.accept(timestamp, body);
      case 'audio':
        return this.#audio.accept(timestamp, body);
      case 'script':
        return this.#acceptScript(body);
      default:
        return assertNever(kind);
    }
  }

  /** GStreamer repeats its metadata several times a second: only another one is passed on (A6.04). */
  #acceptScript(body: Buffer): LiveTag | undefined {
    if (!isMetadata(body) || this.#metadata?.body.equals(body)) {
      this.#ignoredScripts += 1;
      return undefined;
    }
    this.#metadataHints = readMetadataHints(body);
    const changed = this.#metadata !== undefined;
    this.#metadata = {
      kind: 'script',
      dts: this.#timeline.position(),
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: false,
      body,
      data: body,
      codec: undefined,
      trackId: 0,
      changed,
      discontinuity: false,
    };
    return this.#metadata;
  }

  #distribute(tag: LiveTag): void {
    this.#tagCount += 1;
    const number = this.#tagCount;
    this.#gopCache.push(tag, () => this.#headers());
    for (const listener of this.#listeners) listener.onTag?.(tag);
    for (const [subscription, first] of this.#subscriptions) {
      // A reader that a listener has just made got this tag with its start.
      if (first <= number) subscription.offer(tag);
    }
  }

  #headers(): LiveTag[] {
    return [this.#metadata, this.#video.header, this.#audio.header].filter((tag) => tag !== undefined);
  }

  #warn(warning: SluiceError): void {
    for (const listener of this.#listeners) listener.onWarning?.(warning);
  }
}
