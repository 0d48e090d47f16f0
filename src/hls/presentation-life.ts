// The states of a presentation: what all its playlists do when a period begins, and when the stream pauses, loses a rendition or ends.
// `pipeline/` decides when this happens: `StreamLife`, and `Encoding` for a lost rendition. Only an unannounced change of a track is
// detected here.
import { StateMachine } from '../protocols/state-machine.js';
import { type EpochMilliseconds, type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import { Announcements, type SegmentListener } from './announcements.js';
import { Incidents } from './incidents.js';
import { LagWatch } from './lag-watch.js';
import type { PresentationOptions, SourceFrame } from './presentation-options.js';
import { RenditionSet } from './rendition-set.js';
import { SampleFeed } from './sample-feed.js';
import { WriteBehind } from './store/write-behind.js';
import { runRules } from './timeline/cut-policy.js';
import { CutSchedule } from './timeline/cut-schedule.js';
import { type PartTiming, partTiming } from './timeline/part-timing.js';
import type { PeriodPlan } from './timeline/plan.js';
import { ProgramDateTime } from './timeline/program-date-time.js';
import { StreamPeriods } from './timeline/stream-periods.js';
import { VariantListing } from './variant-listing.js';
import { Waiters } from './window/blocking-reload.js';
import type { Rendition } from './window/rendition.js';

/** If one track alone continues at the end for longer than this, its media is listed, and the others list a gap. */
const LEFT_OUT: Milliseconds = 100;

/**
 * - `live`: media comes, from a publisher or from the slate. `startPeriod` begins the next period, and it stays live.
 * - `suspended`, by `suspend`: no media comes, and requests wait. `startPeriod` makes it live again.
 * - `ended`, by `end` from either: ENDLIST, for good.
 */
type LifeState = 'live' | 'suspended' | 'ended';

export class PresentationLife {
  readonly app: string;
  readonly name: string;
  /** Requests for the multivariant playlist: woken when the stream becomes playable or ends. */
  readonly playableWaiters: Waiters;
  /** The value of `mediaNow` when the presentation ended. */
  endedAt: EpochMilliseconds | undefined;
  protected readonly options: PresentationOptions;
  protected readonly schedule: CutSchedule;
  protected readonly periods: StreamPeriods;
  protected readonly dates: ProgramDateTime;
  protected readonly set: RenditionSet;
  protected readonly variants: VariantListing;
  protected readonly incidents: Incidents;
  protected readonly writeBehind: WriteBehind | undefined;
  protected plan: PeriodPlan;
  protected timing: PartTiming;
  readonly #state = new StateMachine<LifeState>('presentation', 'live', {
    live: ['live', 'suspended', 'ended'],
    suspended: ['live', 'ended'],
    ended: [],
  });
  readonly #lag: LagWatch;
  readonly #announcements: Announcements;
  readonly #endListeners: (() => void)[] = [];

  constructor(options: PresentationOptions) {
    const { app, name, clock, plan, partDuration, segmentDuration, maxGop, store } = options;
    this.app = app;
    this.name = name;
    this.options = options;
    this.plan = plan;
    this.timing = partTiming(plan, { partDuration, segmentDuration });
    this.playableWaiters = new Waiters(clock);
    this.incidents = new Incidents(options);
    this.dates = new ProgramDateTime(clock, options.firstArrival, options.earliestDate);
    this.periods = new StreamPeriods(options);
    this.schedule = new CutSchedule(
      {
        ...{ segmentDuration, knownGop: options.knownGop },
        ...(maxGop !== undefined && { maxGop: secondsToMilliseconds(maxGop) }),
        isAwaited: () => options.endsFirstEarly === true && this.playableWaiters.size + this.set.waiting > 0,
        onCut: (index, time) => this.periods.noteCut(index, time),
        onForcedCut: (time) => {
          // EXT-X-INDEPENDENT-SEGMENTS no longer holds.
          this.variants.changed();
          this.incidents.forcedCut(time, this.targetDuration);
        },
        onPausedCut: () => this.incidents.picturesPaused(),
      },
      runRules(this.plan, this.timing),
    );
    const { schedule, periods, incidents, playableWaiters } = this;
    const set = new RenditionSet({
      ...{ presentation: options, incidents, schedule, periods },
      programDateTime: (mediaTime) => this.dates.at(mediaTime),
      onSegment: (rendition, segment) => this.#announcements.noteSegment(rendition, segment),
      onChange: (rendition) => this.#announcements.noteChange(rendition),
      onTrackChanged: (rendition) => this.#onTrackChanged(rendition),
      onInit: () => this.variants.changed(),
    });
    this.set = set;
    set.plan(this.timing);
    this.#lag = new LagWatch(clock, schedule);
    this.variants = new VariantListing({ renditions: set, schedule, frameRate: () => this.plan.frameRate });
    const { domain, firstMediaSequence, maxIndexBytes } = options;
    const stored = { clock, domain, incidents, firstMediaSequence, renditions: set, directory: `${app}/${name}` };
    this.writeBehind = store && new WriteBehind({ store, maxIndexBytes, variants: this.variants, ...stored });
    const told = { set, schedule, variants: this.variants, playableWaiters, incidents, writeBehind: this.writeBehind };
    this.#announcements = new Announcements(told);
  }

  get ended(): boolean {
    return this.#state.is('ended');
  }

  /** EXT-X-TARGETDURATION; undefined until the first GOP was measured. */
  get targetDuration(): Seconds | undefined {
    return this.schedule.targetDuration;
  }

  // Media

  /** Call for each frame of the publisher at ingest, before its bytes go anywhere else. */
  take(frame: SourceFrame): void {
    if (!this.#state.is('live')) return;
    if (frame.role !== 'extra') this.#note(frame);
    const feed = this.set.feeds.find(({ rendition }) => rendition.plan.name === frame.rendition);
    // No feed: the rendition was withdrawn, or the first GOP was too long and a period has just begun in which this track is encoded.
    if (feed instanceof SampleFeed) feed.samples?.push(frame);
    if (this.#announcements.isDue) this.#announcements.publish();
  }

  /**
   * Sets the track of a rendition with input `samples`, before its first sample and whenever the track changes. If this period has parts of
   * another track, the next segment starts a new period. A caller that knows about the change calls `startPeriod` first, and loses no media.
   * @param init ftyp and moov; kept, not copied
   * @throws the typed errors of `parseInitSegment`
   */
  setTrack(rendition: string, init: Buffer): void {
    if (!this.ended) this.set.sampleFeed(rendition)?.setTrack(init);
  }

  /**
   * Adds bytes from the output pipe of a rendition with input `pipe`; they may be split anywhere.
   * @throws the typed MP4 error for bytes that are not fMP4; the FFmpeg that wrote them should be replaced
   */
  write(rendition: string, bytes: Buffer): void {
    if (!this.#state.is('live')) return;
    try {
      this.set.pipeFeed(rendition)?.write(bytes);
    } finally {
      this.#announcements.publish();
    }
  }

  /**
   * FFmpeg was replaced within the period: the next bytes of these renditions begin with an init segment. If it equals the previous one,
   * media continues where it ended, provided that `from` is not later; otherwise it continues with the next segment, and EXT-X-GAP marks
   * what is missing. A different init segment starts a new period at the next segment.
   * @param from presentation time of the first picture or sample in the input of the new FFmpeg
   */
  pipesRestarted(renditions: readonly string[], from: Milliseconds): void {
    if (this.ended) return;
    for (const name of renditions) this.set.pipeFeed(name)?.restarted(from);
    this.#announcements.publish();
  }

  // Decisions

  /**
   * Starts a new period, because the publisher returned, or its tracks, parameters or clock changed: from the next key frame (without
   * video, the next sample) all renditions have EXT-X-DISCONTINUITY at the same sequence number. New renditions are added, missing ones
   * list gaps. Media that pipes have not delivered yet is lost: flush FFmpeg first if it is needed.
   */
  startPeriod(plan: PeriodPlan): void {
    if (this.ended) return;
    this.#endRun();
    if (this.targetDuration === undefined) {
      // Nothing was published yet.
      this.schedule.reset();
      this.periods.reset();
      for (const rendition of this.set.all) rendition.reset();
    }
    this.#state.to('live');
    this.plan = plan;
    this.timing = partTiming(plan, this.options, this.timing.partTarget);
    this.schedule.begin(runRules(this.plan, this.timing));
    this.periods.request();
    this.set.plan(this.timing);
    this.#lag.beginPeriod();
    this.variants.changed();
    this.#announcements.publish();
  }

  /**
   * The publisher has left and may come back: all renditions finish their segments at the same point, with the media that pipes have
   * delivered so far. Playlists stay open, and requests wait. Continue with `startPeriod` or `end`.
   */
  suspend(): void {
    if (!this.#state.is('live')) return;
    this.#endRun();
    this.#state.to('suspended');
    for (const rendition of this.set.all) {
      if (!rendition.withdrawn) rendition.setAway();
      rendition.window.rest();
    }
    this.#announcements.publish();
  }

  /** Removes the rendition from the multivariant playlist, and removes its own playlist. A later period may contain it again. */
  withdraw(name: string): void {
    const rendition = this.set.find(name);
    if (this.ended || rendition === undefined || rendition.withdrawn) return;
    this.set.stopFeeding(rendition);
    rendition.withdraw();
    // Other playlists contain a rendition report of it.
    for (const other of this.set.all) other.invalidate();
    this.variants.changed();
    this.#announcements.publish();
    this.writeBehind?.wake();
  }

  /**
   * Ends the presentation: finishes the last segments, writes ENDLIST and wakes waiting requests. Resolves when the store has caught up or
   * failed.
   */
  async end(): Promise<void> {
    if (!this.ended) {
      // Each step runs even if another fails: players must get ENDLIST in any case.
      const { domain } = this.options;
      domain.attempt('last segments', () => {
        // A stream that consists of the first GOP alone takes its target duration from that GOP.
        this.schedule.finish(this.dates.newest);
        this.#endRun(true);
      });
      this.#state.to('ended');
      this.endedAt = this.dates.mediaNow;
      for (const rendition of this.set.all) domain.attempt('playlist end', () => rendition.finish());
      for (const { window } of this.set.all) domain.attempt('rest', () => window.rest());
      domain.attempt('multivariant end', () => this.variants.end());
      domain.attempt('waiting requests', () => this.playableWaiters.wake());
      for (const listener of this.#endListeners.splice(0)) domain.attempt('end listener', listener);
    }
    await this.writeBehind?.finish();
  }

  /** Calls the listener once when the presentation ends, or at once if it has ended already. The origin then starts the expiry time. */
  onEnd(listener: () => void): void {
    if (this.ended) listener();
    else this.#endListeners.push(listener);
  }

  /** Calls the listener, which must not throw, for every complete segment, gaps included. @returns a function that removes it */
  onSegment(listener: SegmentListener): () => void {
    return this.#announcements.listen(listener);
  }

  /**
   * Finishes everything published so far at the same point in all renditions.
   * @param last whether the stream ends: then media that only some tracks have is kept, although the others list a gap
   */
  #endRun(last = false): void {
    const listed = this.set.highestIndex;
    this.schedule.cutTail();
    for (const feed of this.set.feeds) feed.finishRun();
    // If one kind of media continued alone for longer than a segment may last, it was split, and may be more than a few frames.
    const { highestIndex: tail } = this.set;
    const keepsTail = last || this.schedule.beginsInPause(tail);
    const isLong = this.set.end - (this.schedule.timeOf(tail) ?? 0) > LEFT_OUT;
    if (tail > listed && !(keepsTail && isLong)) this.set.forgetUneven();
    const { highestIndex, end } = this.set;
    this.schedule.endRun(highestIndex, end);
    for (const { withdrawn, segmenter, isEncoded } of this.set.all)
      if (!withdrawn) segmenter.endRun(highestIndex, isEncoded);
  }

  /** A track changed without announcement: the next segment starts a period, and this rendition has no media before it. */
  #onTrackChanged({ segmenter }: Rendition): void {
    const { lastIndex } = this.schedule;
    const period = this.periods.at(lastIndex);
    if (this.periods.requested || period === undefined || (segmenter.mediaIndex ?? -1) < period.startIndex) return;
    this.periods.request();
    segmenter.breakOff(lastIndex + 1);
  }

  // Reactions to media

  /** A frame of the main tracks advances the schedule, and so releases media that waits for it. */
  #note({ role, dts, cts, mayCut }: SourceFrame): void {
    const { schedule } = this;
    const { lastIndex } = schedule;
    const pts = dts + cts;
    this.dates.note(pts);
    if (role === 'audio') schedule.noteAudio(dts);
    else schedule.noteVideo(dts, pts, mayCut);
    const longGop = schedule.takeLongGop();
    if (longGop !== undefined) {
      this.options.onLongGop?.(longGop);
      // Cuts were not changed to `regular`: note the same key frame again, which was not decided the first time.
      schedule.noteVideo(dts, pts, mayCut);
    }
    // Sound waits for the pictures of the same time; everything else waits only for cuts.
    for (const feed of schedule.lastIndex === lastIndex ? this.set.soundFeeds : this.set.feeds) feed.advance();
    const { newest } = this.dates;
    if (newest >= this.#lag.nextCheck && this.targetDuration !== undefined) this.#lag.giveUpLate(this.set, newest);
  }
}
