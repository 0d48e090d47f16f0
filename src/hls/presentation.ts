// All renditions of one stream on one timeline, with the same cuts, sequence numbers, discontinuities and dates.

import type { StoredBody } from '../contracts/stored-body.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import { type EpochMilliseconds, type Milliseconds, millisecondsToSeconds, type Seconds } from '../protocols/units.js';
import { describeRendition, listRenditions } from './describe-rendition.js';
import { Incidents } from './incidents.js';
import { PipeFeed } from './pipe-feed.js';
import type {
  PresentationCounters,
  PresentationOptions,
  RenditionInfo,
  RenditionListing,
} from './presentation-options.js';
import type { RenditionSet } from './rendition-set.js';
import { type MediaSample, SampleFeed } from './sample-feed.js';
import type { SegmentStore } from './store/segment-store.js';
import { StoredReads } from './store/stored-reads.js';
import { WriteBehind } from './store/write-behind.js';
import { StreamTimeline } from './stream-timeline.js';
import type { PeriodPlan } from './timeline/plan.js';
import { VariantListing } from './variant-listing.js';
import { Waiters } from './window/blocking-reload.js';
import type { Rendition } from './window/rendition.js';
import type { ByteSpan, CompleteSegment } from './window/segment.js';

export type {
  PresentationCounters,
  PresentationOptions,
  RenditionInfo,
  SegmentInfo,
} from './presentation-options.js';
export type { MediaSample } from './sample-feed.js';
export type { SegmentStore } from './store/segment-store.js';
export { SMALLEST_WINDOW } from './stream-timeline.js';
export type { PeriodPlan, RenditionPlan } from './timeline/plan.js';

export class Presentation {
  readonly app: string;
  readonly name: string;
  /** Woken when the stream becomes playable or ends. */
  readonly waiters: Waiters;
  readonly #options: PresentationOptions;
  readonly #timeline: StreamTimeline;
  readonly #set: RenditionSet;
  readonly #variants: VariantListing;
  readonly #writeBehind: WriteBehind | undefined;
  readonly #reads: StoredReads | undefined;
  readonly #incidents: Incidents;
  #suspended = false;
  #ended = false;
  #endedAt: EpochMilliseconds | undefined;
  readonly #endListeners: (() => void)[] = [];
  #wasServable = false;
  #segmentAdded = false;

  constructor(options: PresentationOptions) {
    this.#options = options;
    this.app = options.app;
    this.name = options.name;
    this.waiters = new Waiters(options.clock);
    this.#incidents = new Incidents(options);
    this.#timeline = new StreamTimeline({
      presentation: options,
      onSegment: (rendition, segment) => this.#onSegment(rendition, segment),
      onArchiveLost: () => this.#incidents.dvrDropped(),
      onInit: () => this.#variants.changed(),
      onSilence: () => this.#incidents.soundPaused(),
      onOverlongPart: ({ plan: { name } }, duration) => this.#incidents.overlongPart(name, duration),
      onForcedCut: (time) => {
        // EXT-X-INDEPENDENT-SEGMENTS no longer holds.
        this.#variants.changed();
        this.#incidents.forcedCut(time, this.targetDuration);
      },
      onPausedCut: () => this.#incidents.picturesPaused(),
    });
    this.#set = this.#timeline.set;
    this.#variants = new VariantListing({
      renditions: this.#set,
      schedule: this.#timeline.schedule,
      frameRate: () => this.#timeline.frameRate,
    });
    this.#writeBehind = options.store && this.#newWriteBehind(options.store);
    this.#reads = options.store && new StoredReads(options.store);
  }

  /** Whether the multivariant playlist can be served: every rendition has a complete segment. */
  get playable(): boolean {
    return this.#variants.playable;
  }

  /** Whether the publisher has left and may come back. */
  get suspended(): boolean {
    return this.#suspended;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** When it ended, by `wallClock`. */
  get endedAt(): EpochMilliseconds | undefined {
    return this.#endedAt;
  }

  /** Runs asynchronous work for the presentation. */
  get domain(): FailureDomain {
    return this.#options.domain;
  }

  /** EXT-X-TARGETDURATION; undefined until the first GOP was measured. */
  get targetDuration(): Seconds | undefined {
    return this.#timeline.schedule.targetDuration;
  }

  /** Duration of the longest playlist of its renditions. */
  get windowDuration(): Seconds {
    return Math.max(0, ...this.#set.all.map(({ listedDuration }) => listedDuration));
  }

  /** Renditions of the current period. */
  get renditions(): readonly RenditionInfo[] {
    return this.#set.active.map((rendition) => describeRendition(rendition, this.#timeline.frameRate));
  }

  get counters(): PresentationCounters {
    const discontinuities = this.discontinuityNumber - (this.#options.firstDiscontinuitySequence ?? 0);
    return { ...this.#incidents.counters, discontinuities, storeFailures: this.#writeBehind?.failures ?? 0 };
  }

  /** Whether writing to the store fails. The store keeps what it has, and writing is retried. */
  get storeFailing(): boolean {
    return this.#writeBehind?.failing ?? false;
  }

  /** One more than the highest media sequence number used. */
  get nextMediaSequence(): number {
    return this.#options.firstMediaSequence + this.#set.highestIndex + 1;
  }

  /** Number of EXT-X-DISCONTINUITY tags so far; a later presentation of this name starts from it. */
  get discontinuityNumber(): number {
    return this.#timeline.discontinuityNumber;
  }

  /**
   * The stream time whose EXT-X-PROGRAM-DATE-TIME is the current time, but never before the end of any media. The timeline of a returning
   * publisher starts here.
   */
  get resumeTime(): Milliseconds {
    return this.#timeline.resumeTime;
  }

  /** The date that media time 0 had when the stream began; see `DashPresentation`. */
  get mediaOrigin(): EpochMilliseconds {
    return this.#timeline.mediaOrigin;
  }

  /** The current media time, as a date counted from `mediaOrigin`. */
  get wallClock(): EpochMilliseconds {
    return this.#timeline.wallClock;
  }

  /** What players may load of every rendition, for manifests of other formats over the same segments. */
  get listings(): readonly RenditionListing[] {
    return listRenditions(this.#set, this.#timeline.frameRate);
  }

  /** Number of requests waiting for anything of this presentation. */
  get waiting(): number {
    return this.#set.all.reduce((sum, { waiters }) => sum + waiters.size, this.waiters.size);
  }

  /** Undefined also for a withdrawn rendition: see `anyRendition`. */
  rendition(name: string): Rendition | undefined {
    const rendition = this.#set.find(name);
    return rendition?.withdrawn === true ? undefined : rendition;
  }

  /** Also finds a withdrawn rendition, whose media players may still be loading. */
  anyRendition(name: string): Rendition | undefined {
    return this.#set.find(name);
  }

  // Input

  /** Call for each live video tag with a picture at ingest, before its bytes go anywhere else. Milliseconds on the stream timeline. */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    if (this.#ended || this.#suspended) return;
    this.#timeline.noteVideo(dts, pts, keyFrame);
    this.#publish();
  }

  /** Call for each live audio tag with samples at ingest. */
  noteAudio(dts: Milliseconds): void {
    if (this.#ended || this.#suspended) return;
    this.#timeline.noteAudio(dts);
    this.#publish();
  }

  /**
   * Sets the track of a rendition with input `samples`, before its first sample and whenever the track changes. If this period has parts of
   * another track, the next segment starts a new period. A caller that knows about the change calls `startPeriod` first, and loses no media.
   * @param init ftyp and moov; kept, not copied
   * @throws the typed errors of `parseInitSegment`
   */
  setTrack(rendition: string, init: Buffer): void {
    const feed = this.#set.feed(rendition);
    if (feed === undefined || this.#ended) return;
    if (!(feed instanceof SampleFeed)) throw new TypeError(`${rendition} is fed by a pipe`);
    feed.setTrack(init);
  }

  /** Adds the next frame of a rendition with input `samples`, after it was noted. */
  writeSample(rendition: string, sample: MediaSample): void {
    const feed = this.#set.feed(rendition);
    if (feed === undefined || this.#ended || this.#suspended) return;
    if (!(feed instanceof SampleFeed)) throw new TypeError(`${rendition} is fed by a pipe`);
    feed.write(sample);
    this.#publish();
  }

  /**
   * Adds bytes from the output pipe of a rendition with input `pipe`; they may be split anywhere.
   * @throws the typed MP4 error for bytes that are not fMP4; the FFmpeg that wrote them should be replaced
   */
  write(rendition: string, bytes: Buffer): void {
    const feed = this.#set.feed(rendition);
    if (feed === undefined || this.#ended || this.#suspended) return;
    if (!(feed instanceof PipeFeed)) throw new TypeError(`${rendition} is not fed by a pipe`);
    try {
      feed.write(bytes);
    } finally {
      this.#publish();
    }
  }

  /**
   * FFmpeg was replaced within the period: the next bytes of these renditions begin with an init segment. If it equals the previous one,
   * media continues where it ended, provided that `from` is not later; otherwise it continues with the next segment, and EXT-X-GAP marks
   * what is missing. A different init segment starts a new period at the next segment.
   * @param from presentation time of the first picture or sample in the input of the new FFmpeg
   */
  pipesRestarted(renditions: readonly string[], from: Milliseconds): void {
    if (this.#ended) return;
    for (const name of renditions) {
      const feed = this.#set.feed(name);
      if (feed instanceof PipeFeed) feed.restarted(millisecondsToSeconds(from));
    }
    this.#publish();
  }

  /**
   * Starts a new period, because the publisher returned, or its tracks, parameters or clock changed: from the next key frame (without
   * video, the next sample) all renditions have EXT-X-DISCONTINUITY at the same sequence number. New renditions are added, missing ones
   * list gaps. What pipes have not delivered is lost: flush FFmpeg first if it matters.
   */
  startPeriod(plan: PeriodPlan): void {
    if (this.#ended) return;
    this.#timeline.startPeriod(plan);
    this.#suspended = false;
    this.#variants.changed();
    this.#publish();
  }

  /**
   * The publisher has left and may come back: all renditions finish their segments at the same point, with what pipes have delivered so
   * far. Playlists stay open, and requests wait. Continue with `startPeriod` or `end`.
   */
  suspend(): void {
    if (this.#ended || this.#suspended) return;
    this.#timeline.finishRun();
    this.#suspended = true;
    for (const rendition of this.#set.all) rendition.suspend();
    this.#rest();
    this.#publish();
  }

  /** Removes the rendition from the multivariant playlist, together with its own playlist. A later period may have it again. */
  withdraw(rendition: string): void {
    this.#set.withdraw(rendition);
    this.#variants.changed();
    this.#publish();
    this.#writeBehind?.wake();
  }

  /**
   * Ends the presentation: finishes the last segments, writes ENDLIST and wakes waiting requests. Resolves when the store has caught up or
   * failed.
   */
  async end(): Promise<void> {
    if (!this.#ended) {
      // Each step runs even if another fails: players must get ENDLIST in any case.
      const { domain } = this.#options;
      domain.attempt('last segments', () => {
        this.#timeline.settle();
        this.#timeline.finishRun(true);
      });
      for (const rendition of this.#set.all) domain.attempt('playlist end', () => rendition.finish());
      this.#ended = true;
      this.#endedAt = this.wallClock;
      domain.attempt('rest', () => this.#rest());
      domain.attempt('multivariant end', () => this.#variants.end());
      domain.attempt('waiting requests', () => this.waiters.wake());
      for (const listener of this.#endListeners.splice(0)) domain.attempt('end listener', listener);
    }
    await this.#writeBehind?.finish();
  }

  /** Calls the listener once when the presentation ends, or at once if it has ended; the origin then starts its expiry. */
  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  /** Removes its playlists from the store, some time after its end; its media may still be requested. Never rejects. */
  async unlist(): Promise<void> {
    await this.#writeBehind?.unlist();
  }

  /** Releases its media and removes its files, after its end and after players had time to load them. Never rejects. */
  async dispose(): Promise<void> {
    for (const rendition of this.#set.all) rendition.dispose();
    await this.#writeBehind?.dispose();
  }

  // Output

  /** The same Buffer until its text changes. Call only if `playable`. */
  multivariantBody(): Buffer {
    return this.#variants.body();
  }

  /**
   * A file that `Rendition.find` found to be in the store only; undefined if it is gone.
   * @throws what the store throws
   */
  async readStored(rendition: string, file: string, within?: ByteSpan): Promise<Buffer | StoredBody | undefined> {
    return this.#reads?.body(`${this.app}/${this.name}/${rendition}/${file}`, within);
  }

  /** A file that `Rendition.find` found to be in the store is missing: it leaves the playlists. */
  missed(rendition: Rendition, file: string): void {
    this.#writeBehind?.missed(rendition, file);
  }

  #rest(): void {
    for (const { window } of this.#set.all) window.rest();
  }

  #newWriteBehind(store: SegmentStore): WriteBehind {
    return new WriteBehind({
      store,
      clock: this.#options.clock,
      domain: this.#options.domain,
      directory: `${this.app}/${this.name}`,
      renditions: this.#set,
      multivariant: () => (this.playable ? this.multivariantBody() : undefined),
      onDvrDropped: () => this.#incidents.dvrDropped(),
      onFailure: (cause) => this.#incidents.storeFailed(cause),
      firstMediaSequence: this.#options.firstMediaSequence,
      onGone: (files) => this.#incidents.filesGone(files),
      onLeftBehind: (files, cause) => this.#incidents.filesLeftBehind(files, cause),
      onRecovered: () => this.#incidents.storeRecovered(),
    });
  }

  #onSegment(rendition: Rendition, segment: CompleteSegment): void {
    const paused = this.#timeline.schedule.beginsInPause(segment.index);
    if (segment.gap) this.#incidents.missingMedia(rendition.plan.name, segment.mediaSequence, paused);
    this.#variants.changed();
    this.#segmentAdded = true;
    this.#options.onSegment?.({
      rendition: rendition.plan.name,
      mediaSequence: segment.mediaSequence,
      duration: segment.duration,
      bytes: segment.media.length,
    });
  }

  #publish(): void {
    for (const rendition of this.#set.all) rendition.publish();
    if (!this.#wasServable && this.targetDuration !== undefined) {
      this.#wasServable = true;
      for (const { waiters } of this.#set.all) waiters.wake();
    }
    if (!this.#segmentAdded) return;
    this.#segmentAdded = false;
    if (this.waiters.size > 0 && this.playable) this.waiters.wake();
    this.#writeBehind?.wake();
  }
}
