// All renditions of one stream as one timeline: the same cuts, sequence numbers, discontinuities and dates everywhere.

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
import type { EpochPlan } from './timeline/plan.js';
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
export type { EpochPlan, RenditionPlan } from './timeline/plan.js';

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
        // EXT-X-INDEPENDENT-SEGMENTS is not true any more.
        this.#variants.changed();
        this.#incidents.forcedCut(time, this.targetDuration);
      },
      onPausedCut: (time) => this.#incidents.picturesPaused(time),
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

  /** Every rendition has a complete segment: the multivariant playlist is served. */
  get playable(): boolean {
    return this.#variants.playable;
  }

  /** The publisher is gone and may come back. */
  get suspended(): boolean {
    return this.#suspended;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Runs what is done for it that nobody awaits. */
  get domain(): FailureDomain {
    return this.#options.domain;
  }

  /** EXT-X-TARGETDURATION; undefined until the first GOP is measured. */
  get targetDuration(): Seconds | undefined {
    return this.#timeline.schedule.targetDuration;
  }

  /** Longest playlist of its renditions now. */
  get windowDuration(): Seconds {
    return Math.max(0, ...this.#set.all.map(({ listedDuration }) => listedDuration));
  }

  /** Of the epoch that runs. */
  get renditions(): readonly RenditionInfo[] {
    return this.#set.active.map((rendition) => describeRendition(rendition, this.#timeline.frameRate));
  }

  get counters(): PresentationCounters {
    const discontinuities = this.discontinuityNumber - (this.#options.firstDiscontinuitySequence ?? 0);
    return { ...this.#incidents.counters, discontinuities, storeFailures: this.#writeBehind?.failures ?? 0 };
  }

  /** The store cannot be written; it has what it had before, and is tried again. */
  get storeFailing(): boolean {
    return this.#writeBehind?.failing ?? false;
  }

  /** One past the highest media sequence number used. */
  get nextMediaSequence(): number {
    return this.#options.firstMediaSequence + this.#set.highestIndex + 1;
  }

  /** EXT-X-DISCONTINUITY tags so far: what a later presentation of this name starts from. */
  get discontinuityNumber(): number {
    return this.#timeline.discontinuityNumber;
  }

  /**
   * The time of the stream timeline whose EXT-X-PROGRAM-DATE-TIME is this moment, never before the end of any media: where
   * the timeline of a publisher that returns begins.
   */
  get resumeTime(): Milliseconds {
    return this.#timeline.resumeTime;
  }

  /** See `DashPresentation`: the date that media time 0 had when the stream began. */
  get mediaOrigin(): EpochMilliseconds {
    return this.#timeline.mediaOrigin;
  }

  /** The media time of this moment, counted from `mediaOrigin`. */
  get wallClock(): EpochMilliseconds {
    return this.#timeline.wallClock;
  }

  /** What players may load of every rendition, for manifests of another format over the same segments. */
  get listings(): readonly RenditionListing[] {
    return listRenditions(this.#set, this.#timeline.frameRate);
  }

  /** Requests waiting for anything of this presentation. */
  get waiting(): number {
    return this.#set.all.reduce((sum, { waiters }) => sum + waiters.size, this.waiters.size);
  }

  /** Undefined also for one that was withdrawn: see `leftover`. */
  rendition(name: string): Rendition | undefined {
    const rendition = this.#set.find(name);
    return rendition?.withdrawn === true ? undefined : rendition;
  }

  /** Also one that was withdrawn, whose media players may still be loading. */
  leftover(name: string): Rendition | undefined {
    return this.#set.find(name);
  }

  // Making

  /** Each live video tag with a picture, at ingest, before its bytes go anywhere else. Milliseconds of the stream timeline. */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    if (this.#ended || this.#suspended) return;
    this.#timeline.noteVideo(dts, pts, keyFrame);
    this.#publish();
  }

  /** Each live audio tag with samples, at ingest. */
  noteAudio(dts: Milliseconds): void {
    if (this.#ended || this.#suspended) return;
    this.#timeline.noteAudio(dts);
    this.#publish();
  }

  /**
   * The track of a rendition of input `samples`, before its first sample and whenever it becomes another. If this epoch has
   * parts of an earlier one, the next segment begins an epoch; a sender that knows calls `startEpoch` first, and loses nothing.
   * @param init ftyp and moov; kept
   * @throws the typed errors of `parseInitSegment`
   */
  setTrack(rendition: string, init: Buffer): void {
    const feed = this.#set.feed(rendition);
    if (feed === undefined || this.#ended) return;
    if (!(feed instanceof SampleFeed)) throw new TypeError(`${rendition} is fed by a pipe`);
    feed.setTrack(init);
  }

  /** The next frame of a rendition of input `samples`, after it was noted. */
  writeSample(rendition: string, sample: MediaSample): void {
    const feed = this.#set.feed(rendition);
    if (feed === undefined || this.#ended || this.#suspended) return;
    if (!(feed instanceof SampleFeed)) throw new TypeError(`${rendition} is fed by a pipe`);
    feed.write(sample);
    this.#publish();
  }

  /**
   * Bytes of the output pipe of a rendition of input `pipe`, in any cutting.
   * @throws the typed error of the MP4 room for bytes that are not fMP4; the FFmpeg that wrote them should be replaced
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
   * FFmpeg was replaced inside the epoch: the next bytes of these renditions begin with an init segment. Equal to the one
   * before, media goes on where it ended, if `from` is not after that; otherwise with the next segment, and EXT-X-GAP tells
   * what is missing. Another init segment begins an epoch at the next segment.
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
   * The publisher returned, or its tracks, parameters or clock changed: from the next key frame (without video, the next
   * sample) EXT-X-DISCONTINUITY in all renditions at the same sequence number. Renditions that are new are added, those
   * that are missing list gaps. What pipes have not delivered is missing: drain FFmpeg before if it matters.
   */
  startEpoch(plan: EpochPlan): void {
    if (this.#ended) return;
    this.#timeline.startEpoch(plan);
    this.#suspended = false;
    this.#variants.changed();
    this.#publish();
  }

  /**
   * The publisher is gone, and may come back: segments are finished alike in all renditions, with what pipes have delivered
   * by now; playlists stay open, requests wait. Goes on with `startEpoch`, or `end`.
   */
  suspend(): void {
    if (this.#ended || this.#suspended) return;
    this.#timeline.finishRun();
    this.#suspended = true;
    for (const rendition of this.#set.all) rendition.suspend();
    this.#rest();
    this.#publish();
  }

  /** Out of the multivariant playlist; its own playlist is gone. A later epoch may have it again. */
  withdraw(rendition: string): void {
    this.#set.withdraw(rendition);
    this.#variants.changed();
    this.#publish();
    this.#writeBehind?.wake();
  }

  /** Nothing more will come: last segments are finished, ENDLIST, waiters wake. Resolves when the store has caught up (or failed). */
  async end(): Promise<void> {
    if (!this.#ended) {
      // Where one of these fails the others still come: players must read ENDLIST whatever has happened.
      const { domain } = this.#options;
      domain.attempt('last segments', () => {
        this.#timeline.settle();
        this.#timeline.finishRun(true);
      });
      for (const rendition of this.#set.all) domain.attempt('playlist end', () => rendition.finish());
      this.#ended = true;
      domain.attempt('rest', () => this.#rest());
      domain.attempt('multivariant end', () => this.#variants.end());
      domain.attempt('waiting requests', () => this.waiters.wake());
      for (const listener of this.#endListeners.splice(0)) domain.attempt('end listener', listener);
    }
    await this.#writeBehind?.finish();
  }

  /** Calls back once when it ends (at once if it has): the origin starts counting its remaining life. */
  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  /** Removes its playlists from the store, some time after it ended: its media may still be wanted. Never rejects. */
  async unlist(): Promise<void> {
    await this.#writeBehind?.unlist();
  }

  /** Forgets its media and removes its files, after it ended and players had their time. Never rejects. */
  async dispose(): Promise<void> {
    for (const rendition of this.#set.all) rendition.dispose();
    await this.#writeBehind?.dispose();
  }

  // Reading

  /** The same Buffer until its text changes. Call only when `playable`. */
  multivariantBody(): Buffer {
    return this.#variants.body();
  }

  /**
   * What `Rendition.find` found to be in the store only; undefined when it is gone.
   * @throws what the store throws
   */
  async readStored(rendition: string, file: string, within?: ByteSpan): Promise<Buffer | StoredBody | undefined> {
    return this.#reads?.body(`${this.app}/${this.name}/${rendition}/${file}`, within);
  }

  /** What `Rendition.find` found to be in the store is not there: it leaves the playlists. */
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
