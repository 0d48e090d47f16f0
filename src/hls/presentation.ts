// All renditions of one stream as one timeline: the same cuts, sequence numbers, discontinuities and dates everywhere.

import type { Clock } from '../protocols/clock.js';
import type { Fragment } from '../protocols/mp4/fragment.js';
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import type { Milliseconds, Seconds } from '../protocols/units.js';
import { Waiters } from './blocking-reload.js';
import { CutSchedule } from './cut-schedule.js';
import { hlsError } from './errors.js';
import { Generations } from './generations.js';
import { type PartTiming, partTiming, type RenditionPartTiming } from './part-timing.js';
import type { RenditionPlan } from './plan.js';
import type { PresentationCounters, PresentationOptions, RenditionInfo } from './presentation-options.js';
import { ProgramDateTime } from './program-date-time.js';
import { Rendition } from './rendition.js';
import type { CompleteSegment } from './segment.js';
import { TrackFeed } from './track-feed.js';
import { VariantListing } from './variant-listing.js';
import { WarningLimit } from './warning-limit.js';
import { WriteBehind } from './write-behind.js';

export type { PresentationPlan, RenditionPlan } from './plan.js';
export type {
  PresentationCounters,
  PresentationOptions,
  RenditionInfo,
  SegmentInfo,
} from './presentation-options.js';
export type { SegmentStore } from './segment-store.js';

/** RFC 8216bis 6.2.2 and Apple's authoring rules: six segments are listed at least. */
export const SMALLEST_WINDOW = 6;

export class Presentation {
  readonly app: string;
  readonly name: string;
  /** Woken when the stream becomes playable or ends. */
  readonly waiters: Waiters;
  readonly #options: PresentationOptions;
  readonly #clock: Clock;
  readonly #timing: PartTiming;
  readonly #schedule: CutSchedule;
  readonly #generations: Generations;
  readonly #feeds: readonly TrackFeed[];
  readonly #renditions: readonly Rendition[];
  readonly #variants: VariantListing;
  readonly #dates: ProgramDateTime;
  readonly #writeBehind: WriteBehind | undefined;
  readonly #warnings: WarningLimit;
  readonly #counters = { forcedCuts: 0, gaps: 0, discontinuities: 0 };
  #latest: Milliseconds = 0;
  #ended = false;
  readonly #endListeners: (() => void)[] = [];
  #wasServable = false;
  #segmentAdded = false;

  constructor(options: PresentationOptions) {
    this.#options = options;
    this.app = options.app;
    this.name = options.name;
    const clock = options.clock;
    this.#clock = clock;
    this.waiters = new Waiters(clock);
    this.#dates = new ProgramDateTime(options.clock, options.firstArrival);
    this.#warnings = new WarningLimit(clock, options.onWarning);
    this.#timing = partTiming(options.plan, options.partDuration);
    this.#schedule = new CutSchedule({
      segmentDuration: options.segmentDuration,
      frame: this.#timing.frame,
      nominalPart: Math.max(...this.#timing.renditions.map(({ nominal }) => nominal)),
      onForcedCut: (time) => {
        this.#counters.forcedCuts += 1;
        this.#warnings.warn(hlsError('hls.forced-cut', `no key frame for ${this.targetDuration} s before ${time} ms`));
      },
    });
    this.#generations = new Generations({
      schedule: this.#schedule,
      frame: this.#timing.frame,
      firstMediaSequence: options.firstMediaSequence,
      firstDiscontinuitySequence: options.firstDiscontinuitySequence ?? 0,
      continuesEarlier: options.continuesEarlier ?? false,
    });
    this.#feeds = this.#timing.renditions.map((timing) => this.#newFeed(timing));
    this.#renditions = this.#feeds.map(({ rendition }) => rendition);
    this.#variants = new VariantListing({
      renditions: this.#renditions,
      schedule: this.#schedule,
      frameRate: options.plan.frameRate,
    });
    if (options.store !== undefined) {
      this.#writeBehind = new WriteBehind({
        store: options.store,
        clock,
        directory: `${options.app}/${options.name}`,
        renditions: this.#renditions,
        multivariant: () => (this.playable ? this.multivariantBody() : undefined),
        onFailure: (cause) =>
          this.#warnings.warn(
            hlsError('hls.store', `writing ${this.app}/${this.name} failed: ${describe(cause)}`, { cause }),
          ),
      });
    }
  }

  /** Every rendition has a complete segment: the multivariant playlist is served. */
  get playable(): boolean {
    return this.#variants.playable;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** EXT-X-TARGETDURATION; undefined until the first GOP is measured. */
  get targetDuration(): Seconds | undefined {
    return this.#schedule.targetDuration;
  }

  /** Longest playlist of its renditions now. */
  get windowDuration(): Seconds {
    return Math.max(0, ...this.#renditions.map(({ window }) => window.listedDuration));
  }

  get renditions(): readonly RenditionInfo[] {
    return this.#renditions.map((rendition) => describeRendition(rendition, this.#options.plan.frameRate));
  }

  get counters(): PresentationCounters {
    return { ...this.#counters, storeFailures: this.#writeBehind?.failures ?? 0 };
  }

  /** One past the highest media sequence number used. */
  get nextMediaSequence(): number {
    const used = this.#renditions.map(({ highestMediaSequence }) => (highestMediaSequence ?? -1) + 1);
    return Math.max(this.#generations.nextMediaSequence, ...used);
  }

  /** EXT-X-DISCONTINUITY tags so far: what a later presentation of this name starts from. */
  get discontinuityNumber(): number {
    return this.#generations.discontinuityNumber;
  }

  /** Requests waiting for anything of this presentation. */
  get waiting(): number {
    return this.#renditions.reduce((sum, { waiters }) => sum + waiters.size, this.waiters.size);
  }

  rendition(name: string): Rendition | undefined {
    return this.#renditions.find(({ plan }) => plan.name === name);
  }

  // Making

  /** Each live video tag with a picture, at ingest, before its bytes go to FFmpeg. Milliseconds of the stream timeline. */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    this.#note(pts);
    this.#schedule.noteVideo(dts, pts, keyFrame);
    this.#advance();
  }

  /** Each live audio tag with samples, at ingest. */
  noteAudio(dts: Milliseconds): void {
    this.#note(dts);
    this.#schedule.noteAudio(dts);
    this.#advance();
  }

  /**
   * Bytes of FFmpeg's output pipe `renditionIndex`, in any cutting.
   * @throws the typed error of the MP4 room for bytes that are not fMP4; the FFmpeg that wrote them should be replaced
   */
  write(renditionIndex: number, bytes: Buffer): void {
    const feed = this.#feeds[renditionIndex];
    if (feed === undefined) throw new RangeError(`no rendition ${renditionIndex}, there are ${this.#feeds.length}`);
    if (this.#ended) return;
    try {
      feed.write(bytes);
    } finally {
      this.#publish();
    }
  }

  /** FFmpeg was started anew: its next bytes begin with a new init segment; DISCONTINUITY in all renditions at the same sequence. */
  restart(): void {
    if (this.#ended) return;
    for (const feed of this.#feeds) feed.finishRun();
    if (this.#generations.current !== undefined) {
      const next = this.nextMediaSequence;
      const leading = this.#renditions.filter(({ plan }) => plan.kind === 'video' || this.#timing.frame === undefined);
      const shownUntil = Math.max(...leading.map(({ end }) => end ?? 0));
      for (const rendition of this.#renditions) rendition.finishGeneration(next - 1);
      this.#generations.end(next, shownUntil);
    }
    this.#publish();
  }

  /** Nothing more will come: last segments are finished, ENDLIST, waiters wake. Resolves when the store has caught up (or failed). */
  async end(): Promise<void> {
    if (!this.#ended) {
      this.#schedule.finish(this.#latest);
      for (const feed of this.#feeds) feed.finishRun();
      for (const rendition of this.#renditions) rendition.finish();
      this.#ended = true;
      this.#variants.end();
      this.waiters.wake();
      for (const listener of this.#endListeners.splice(0)) listener();
    }
    await this.#writeBehind?.finish();
  }

  /** Calls back once when it ends (at once if it has): the origin starts counting its remaining life. */
  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  /** Forgets its media and removes its files, after it ended and players had their time. Never rejects. */
  async dispose(): Promise<void> {
    for (const rendition of this.#renditions) rendition.dispose();
    await this.#writeBehind?.dispose();
  }

  // Reading

  /** The same Buffer until its text changes. Call only when `playable`. */
  multivariantBody(): Buffer {
    return this.#variants.body();
  }

  #newFeed(timing: RenditionPartTiming): TrackFeed {
    const rendition = this.#newRendition(timing.plan);
    return new TrackFeed({
      rendition,
      schedule: this.#schedule,
      partTarget: this.#timing.partTarget,
      timing,
      hasBegun: () => this.#generations.current !== undefined,
      admits: (init, fragment) => this.#admits(init, fragment),
      onInit: () => this.#variants.changed(),
      onOverlongPart: (duration) =>
        this.#warnings.warn(
          hlsError('hls.irregular-timing', `got a frame of ${duration.toFixed(3)} s in ${rendition.plan.name}`),
        ),
    });
  }

  #newRendition(plan: RenditionPlan): Rendition {
    const rendition: Rendition = new Rendition({
      plan,
      clock: this.#clock,
      schedule: this.#schedule,
      windowSegments: Math.max(SMALLEST_WINDOW, this.#options.windowSegments),
      partTarget: this.#timing.partTarget,
      programDateTime: (mediaTime) => this.#dates.at(mediaTime),
      reports: () =>
        this.#renditions
          .filter((other) => other !== rendition)
          .map(({ report }) => report)
          .filter((report) => report !== undefined),
      onSegment: (segment) => this.#onSegment(rendition, segment),
    });
    return rendition;
  }

  #note(time: Milliseconds): void {
    this.#dates.note(time);
    this.#latest = Math.max(this.#latest, time);
  }

  /** The schedule moved: held audio may go, and the target duration may be known now. */
  #advance(): void {
    if (this.#ended || this.#generations.current === undefined) return;
    for (const feed of this.#feeds) feed.advance();
    this.#publish();
  }

  /** Between runs: whether the next begins with this fragment. Audio that comes before its picture is held. */
  #admits(init: InitTrack, fragment: Fragment): boolean {
    const generation = this.#generations.begin(init, fragment);
    if (generation === undefined) return init.kind === 'audio' && this.#timing.frame !== undefined;
    if (generation.discontinuity) this.#counters.discontinuities += 1;
    for (const rendition of this.#renditions) rendition.begin(generation);
    for (const feed of this.#feeds) feed.advance();
    return true;
  }

  #onSegment(rendition: Rendition, segment: CompleteSegment): void {
    if (segment.gap) {
      this.#counters.gaps += 1;
      this.#warnings.warn(
        hlsError('hls.missing-media', `${rendition.plan.name} has nothing for segment ${segment.mediaSequence}`),
      );
    }
    this.#variants.changed();
    this.#segmentAdded = true;
    this.#options.onSegment?.({
      rendition: rendition.plan.name,
      mediaSequence: segment.mediaSequence,
      duration: segment.duration,
      bytes: segment.body.length,
    });
  }

  #publish(): void {
    for (const rendition of this.#renditions) rendition.publish();
    if (!this.#wasServable && this.#schedule.targetDuration !== undefined) {
      this.#wasServable = true;
      for (const { waiters } of this.#renditions) waiters.wake();
    }
    if (!this.#segmentAdded) return;
    this.#segmentAdded = false;
    if (this.waiters.size > 0 && this.playable) this.waiters.wake();
    this.#writeBehind?.wake();
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function describeRendition(rendition: Rendition, sourceFrameRate: number | undefined): RenditionInfo {
  const { plan, track, bandwidth, segments, parts } = rendition;
  return {
    name: plan.name,
    kind: plan.kind,
    codecs: track?.codecs,
    width: track?.width ?? plan.width,
    height: track?.height ?? plan.height,
    frameRate: plan.kind === 'video' ? (plan.frameRate ?? sourceFrameRate) : undefined,
    peakBandwidth: bandwidth.peak,
    averageBandwidth: bandwidth.average,
    segments,
    parts,
  };
}
