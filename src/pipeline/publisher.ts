// One publisher of a name. Its tags are examined from the first one on, held until it is decided how to serve them, and then watched for
// changes. Each change becomes exactly one discontinuity.
import type { LiveStream } from '../live/stream.js';
import type { Subscription } from '../live/subscription.js';
import type { LiveTag } from '../live/tag.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import type { SourceHints } from '../transcode/describe-source.js';
import { MediaTracks } from './media-tracks.js';
import { doubtsRate, measureFrameRate } from './picture-rate.js';
import { TrackDecision } from './track-decision.js';

/** Bytes of media that may wait for FFmpeg: 10 s at 12 Mbit/s. Beyond that the oldest are dropped, up to the next key frame. */
export const FEED_QUEUE_BYTES = 16 * 1024 * 1024;

/** What to do with a tag. */
export type ChangeVerdict =
  /** It belongs to the current period. */
  | 'goes-on'
  /** Drop it: it belongs to parameters that are not in force yet, or carries no media. */
  | 'left-out'
  /** It is the first tag of a new period. */
  | 'starts-period';

/** Stream time to wait for a key frame. */
const MAX_WAIT: Milliseconds = 10_000;

/**
 * New parameters, clock jumps and changed sets of tracks arrive separately, each at its own time. They take effect together, at the next
 * frame at which decoding can start. Frames of a track whose parameters changed are dropped until then, because they cannot be decoded with
 * the old parameters; all other frames pass.
 */
export class ChangeWatch {
  #hasVideo: boolean;
  /** Tracks whose parameters changed. */
  readonly #changed = new Set<'video' | 'audio'>();
  #pending = false;
  #since: Milliseconds | undefined;

  constructor(hasVideo: boolean) {
    this.#hasVideo = hasVideo;
  }

  /** Call after a change that no tag shows: a new period is due. */
  noteChange(): void {
    this.#pending = true;
  }

  /** Call when the set of tracks has changed. */
  noteTracks(hasVideo: boolean): void {
    this.#hasVideo = hasVideo;
    this.#pending = true;
  }

  /** Takes a tag of the main tracks, in order. */
  note(tag: LiveTag): ChangeVerdict {
    if (tag.kind === 'script') return 'left-out';
    if (tag.sequenceHeader) {
      if (tag.changed === true) {
        this.#changed.add(tag.kind);
        this.#pending = true;
      }
      return 'left-out';
    }
    if (tag.discontinuity === true) this.#pending = true;
    if (!this.#pending) return 'goes-on';
    this.#since ??= tag.dts;
    const canStart = this.#hasVideo ? tag.kind === 'video' && tag.keyFrame : tag.kind === 'audio';
    // If no key frame has come for so long, the pictures are lost in any case, but the audio can go on.
    if (canStart || tag.dts - this.#since > MAX_WAIT) {
      this.#pending = false;
      this.#changed.clear();
      this.#since = undefined;
      return 'starts-period';
    }
    return this.#changed.has(tag.kind) ? 'left-out' : 'goes-on';
  }
}

/**
 * A GOP with fewer pictures than this is never too long: in a source with one picture in ten seconds, every second picture may be a key
 * frame.
 */
const SHORTEST_LONG_GOP = 2.5;

/** Detects a publisher whose key frames are too far apart to cut segments at them. The source is then encoded. One object per publisher. */
export class LongGop {
  readonly #longest: Milliseconds;
  #lastKeyFrame: Milliseconds | undefined;
  #lastPicture: Milliseconds | undefined;
  #interval: Milliseconds = 0;
  #found = false;

  /** @param maxGop longest GOP that can be cut without encoding */
  constructor(maxGop: Seconds) {
    this.#longest = secondsToMilliseconds(maxGop);
  }

  /** Whether a long GOP was found. From then on the gateway makes the key frames. */
  get found(): boolean {
    return this.#found;
  }

  note({ kind, keyFrame, dts }: LiveTag): void {
    if (kind !== 'video') return;
    if (keyFrame) this.#lastKeyFrame = dts;
    this.#interval = dts - (this.#lastPicture ?? dts);
    this.#lastPicture = dts;
  }

  /** Whether this tag, which was already noted, is too far from the last key frame. */
  exceeds({ kind, dts }: LiveTag): boolean {
    const last = this.#lastKeyFrame;
    return (
      !this.#found &&
      kind === 'video' &&
      last !== undefined &&
      dts - last > Math.max(this.#longest, SHORTEST_LONG_GOP * this.#interval)
    );
  }

  /** @returns false if it was known before */
  find(): boolean {
    const first = !this.#found;
    this.#found = true;
    return first;
  }
}

/** Serves what a publisher sends. */
export interface PublisherServer {
  /** Called for each tag once the tracks are decided. */
  take(publisher: Publisher, tag: LiveTag): void;
  /** Whether audio that stops is replaced by silence while the video continues. */
  fillsSilence(publisher: Publisher): boolean;
}

export interface PublisherOptions {
  readonly stream: LiveStream;
  /** Whether this is the slate, which is shown while nobody publishes. */
  readonly isSlate: boolean;
  readonly clock: Clock;
  /** The longest GOP that can be cut without encoding. */
  readonly maxGop: Seconds;
  /** Owns the callbacks of the stream. */
  readonly domain: FailureDomain;
  /** Whether an earlier publisher of this name sent video. */
  readonly hadVideo?: boolean;
  /** Called once the tracks are decided. */
  readonly onDecided: (publisher: Publisher) => void;
  readonly server: PublisherServer;
  readonly onEnd: (publisher: Publisher) => void;
  readonly onWarning: (warning: SluiceError) => void;
}

export interface PresentTracks {
  readonly video: boolean;
  readonly audio: boolean;
}

export class Publisher {
  readonly stream: LiveStream;
  readonly isSlate: boolean;
  readonly media = new MediaTracks();
  /** Tags that are held, in order: until the tracks are decided, and while a period ends. */
  held: LiveTag[] = [];
  tracks: PresentTracks | undefined;
  changes = new ChangeWatch(false);
  readonly longGop: LongGop;
  /** Whether the publisher has left. Its last tags may still be in progress. */
  gone = false;
  /** Media for the next FFmpeg. */
  subscription: Subscription;
  /** When its first media arrived (monotonic clock). */
  firstArrival: Milliseconds | undefined;
  readonly #options: PublisherOptions;
  readonly #decision: TrackDecision;
  readonly #leave: () => void;
  /** Bytes in `held` while the tracks are undecided. */
  #heldBytes = 0;
  #measured: number | undefined;
  /** Whether its audio is absent, so that silence replaces it. */
  #isAudioPaused = false;

  constructor(options: PublisherOptions) {
    const { stream, clock, domain } = options;
    this.#options = options;
    this.stream = stream;
    this.isSlate = options.isSlate;
    this.longGop = new LongGop(options.maxGop);
    this.#decision = new TrackDecision({
      clock,
      expectsVideo: () => {
        if (stream.metadataHints.announcesVideo === true) return 'announced';
        return options.hadVideo === true ? 'had' : undefined;
      },
      doubtsRate: () =>
        doubtsRate(this.held, stream.videoTrack?.description.frameRate ?? stream.metadataHints.frameRate),
      onDecided: (tracks) => this.#decided(tracks),
    });
    // Subscribes at the first tag, so that media is queued here while the tracks are undecided and FFmpeg starts.
    this.subscription = this.subscribe();
    this.#leave = stream.on({
      onTag: domain.guardInput('tag', (tag) => this.#onTag(tag)),
      onEnd: domain.guard('publisher end', () => {
        this.gone = true;
        this.#decision.close();
        options.onEnd(this);
      }),
      onTrackChange: domain.guard('track change', ({ kind, present }) => this.#onTrackChange(kind, present)),
      onWarning: domain.guard('publisher warning', options.onWarning),
    });
  }

  /** Starts at the last key frame. The caller closes the previous subscription. */
  subscribe(): Subscription {
    const onReadable = this.#options.domain.guard('ffmpeg feed', () => this.onReadable());
    this.subscription = this.stream.subscribe({ maxBytes: FEED_QUEUE_BYTES, onReadable });
    return this.subscription;
  }

  /** The tags since its last key frame, if they are kept. */
  recent(): LiveTag[] {
    const subscription = this.stream.subscribe({ maxBytes: FEED_QUEUE_BYTES });
    const tags: LiveTag[] = [];
    for (let tag = subscription.take(); tag !== undefined; tag = subscription.take()) tags.push(tag);
    subscription.close();
    return tags;
  }

  /**
   * Call at the beginning of a period in which FFmpeg encodes the audio. If the audio is paused, the period has none: FFmpeg would get no
   * audio, and it makes no silence without input.
   */
  leaveOutPausedAudio(): void {
    if (this.tracks !== undefined && this.#isAudioPaused) this.tracks = { ...this.tracks, audio: false };
  }

  /** Called when tags can be taken from the subscription. */
  onReadable: () => void = () => undefined;

  close(): void {
    this.#leave();
    this.#decision.close();
    this.subscription.close();
    this.held = [];
  }

  /** Properties of the tracks according to metadata and arrival times. */
  get hints(): SourceHints {
    const { frameRate, videoBitrate, audioBitrate } = this.stream.metadataHints;
    this.#measured ??= measureFrameRate(this.held);
    const measured = this.#measured;
    return {
      ...(frameRate !== undefined && { frameRate }),
      ...(measured !== undefined && { measuredFrameRate: measured }),
      ...(videoBitrate !== undefined && { videoBitrate }),
      ...(audioBitrate !== undefined && { audioBitrate }),
    };
  }

  #decided(tracks: PresentTracks): void {
    this.tracks = tracks;
    this.changes = new ChangeWatch(tracks.video);
    this.#options.onDecided(this);
  }

  /** Before the tracks are decided, the decision itself handles changes. */
  #onTrackChange(kind: keyof PresentTracks, present: boolean): void {
    const { tracks } = this;
    if (kind === 'audio') this.#isAudioPaused = false;
    if (tracks === undefined || tracks[kind] === present) return;
    // Silence replaces the audio, so nothing changes for players.
    if (kind === 'audio' && !present && tracks.video && this.#options.server.fillsSilence(this)) {
      this.#isAudioPaused = true;
      return;
    }
    this.tracks = { ...tracks, [kind]: present };
    this.changes.noteTracks(this.tracks.video);
  }

  #onTag(tag: LiveTag): void {
    // Pictures between key frames show nothing about their track.
    if (tag.sequenceHeader || tag.keyFrame || tag.kind === 'audio') this.media.note(tag);
    if (!tag.sequenceHeader && tag.kind !== 'script') this.firstArrival ??= this.#options.clock.now();
    if (this.tracks !== undefined) {
      this.#options.server.take(this, tag);
      return;
    }
    this.held.push(tag);
    this.#heldBytes += tag.body.length;
    if (this.#heldBytes > FEED_QUEUE_BYTES) this.#decision.decideNow();
    // Headers of AV1 and VP9 do not contain the picture size; only the first picture does.
    const saysLittle = tag.sequenceHeader && (tag.codec === 'av1' || tag.codec === 'vp9');
    if (tag.trackId === 0 && !saysLittle) this.#decision.note(tag);
  }
}
