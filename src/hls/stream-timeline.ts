// The timeline of a stream: cuts, periods and dates, over all publishers that continue it.
import type { Clock } from '../protocols/clock.js';
import {
  type EpochMilliseconds,
  type Milliseconds,
  millisecondsToSeconds,
  type Seconds,
  secondsToMilliseconds,
} from '../protocols/units.js';
import type { RenditionReport } from './playlists/media-playlist.js';
import type { PresentationOptions } from './presentation-options.js';
import { RenditionSet, type RenditionSetOptions } from './rendition-set.js';
import type { RunRules } from './timeline/cut-policy.js';
import { CutSchedule } from './timeline/cut-schedule.js';
import { type PartTiming, partTiming } from './timeline/part-timing.js';
import type { PeriodPlan } from './timeline/plan.js';
import { ProgramDateTime } from './timeline/program-date-time.js';
import { StreamPeriods } from './timeline/stream-periods.js';
import type { Rendition, RenditionOptions } from './window/rendition.js';
import type { PlaylistKind } from './window/rendition-playlists.js';

/** RFC 8216bis 6.2.2 and Apple's authoring rules: at least six segments are listed. */
export const SMALLEST_WINDOW = 6;

/** Shorter windows hardly ever reach beyond the Skip Boundary of six target durations (docs/decisions/0008). */
const SMALLEST_WINDOW_WITH_SKIPS = 8;

/** Start of a timeline on which nothing was noted yet. */
const FIRST_ORIGIN: Milliseconds = 1_000;

/** If one track alone continues at the end for longer than this, it is listed next to a gap in the others. */
const LEFT_OUT: Milliseconds = 100;

export interface StreamTimelineOptions
  extends Pick<RenditionOptions, 'onSegment' | 'onArchiveLost'>,
    Pick<RenditionSetOptions['newFeed'], 'onInit' | 'onSilence' | 'onOverlongPart'> {
  readonly presentation: PresentationOptions;
  readonly onForcedCut: (time: Milliseconds) => void;
  /** A cut was made while no pictures came. */
  readonly onPausedCut: (time: Milliseconds) => void;
}

export class StreamTimeline {
  readonly schedule: CutSchedule;
  readonly set: RenditionSet;
  readonly #options: StreamTimelineOptions;
  readonly #clock: Clock;
  readonly #periods: StreamPeriods;
  readonly #dates: ProgramDateTime;
  #plan: PeriodPlan;
  #timing: PartTiming;
  #latest: Milliseconds = 0;
  /** Index of the newest cut when a period was requested. */
  #awaitedAfter = -1;
  #forcedCuts: Milliseconds[] = [];

  constructor(options: StreamTimelineOptions) {
    const { presentation, onInit, onSilence, onOverlongPart } = options;
    const { clock, plan, segmentDuration, maxGop } = presentation;
    this.#options = options;
    this.#clock = clock;
    this.#dates = new ProgramDateTime(clock, presentation.firstArrival, presentation.earliestDate);
    this.#plan = plan;
    this.#timing = partTiming(plan, presentation.partDuration);
    this.schedule = new CutSchedule(
      {
        segmentDuration,
        ...(maxGop !== undefined && { maxGop: secondsToMilliseconds(maxGop) }),
        onForcedCut: (time) => this.#forcedCuts.push(time),
        onPausedCut: options.onPausedCut,
      },
      this.#rules(),
    );
    this.#periods = new StreamPeriods({
      firstDiscontinuitySequence: presentation.firstDiscontinuitySequence ?? 0,
      continuesEarlier: presentation.continuesEarlier ?? false,
    });
    this.set = new RenditionSet({
      clock,
      schedule: this.schedule,
      newRendition: () => this.#newRendition(),
      newFeed: { onTrackChanged: (rendition) => this.#onTrackChanged(rendition), onInit, onSilence, onOverlongPart },
    });
    this.set.plan(this.#timing);
  }

  /** Frame rate of the current period. */
  get frameRate(): number | undefined {
    return this.#plan.frameRate;
  }

  /** See `Presentation.mediaOrigin`. */
  get mediaOrigin(): EpochMilliseconds {
    return this.#dates.origin;
  }

  /** See `Presentation.wallClock`. */
  get wallClock(): EpochMilliseconds {
    const { now, origin } = this.#dates;
    return origin + (now ?? 0);
  }

  get discontinuityNumber(): number {
    return this.#periods.discontinuityNumber;
  }

  /** See `Presentation.resumeTime`. */
  get resumeTime(): Milliseconds {
    const { now } = this.#dates;
    if (now === undefined) return FIRST_ORIGIN;
    const frame = secondsToMilliseconds(this.#timing.frame ?? 0);
    return Math.ceil(Math.max(now, this.#latest + frame, this.set.end));
  }

  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    this.#note(pts);
    this.schedule.noteVideo(dts, pts, keyFrame);
    const longGop = this.schedule.takeLongGop();
    if (longGop !== undefined) {
      this.#options.presentation.onLongGop?.(longGop);
      // Nobody chose other cuts, so note again the key frame that was left undecided.
      this.schedule.noteVideo(dts, pts, keyFrame);
    }
    this.#advance();
  }

  noteAudio(dts: Milliseconds): void {
    this.#note(dts);
    this.schedule.noteAudio(dts);
    this.#advance();
  }

  /**
   * Finishes everything published so far at the same point in all renditions.
   * @param last nobody will continue: what one track has more than the others is kept, although the others then list a gap
   */
  finishRun(last = false): void {
    const listed = this.set.highestIndex;
    this.schedule.cutTail();
    for (const feed of this.set.feeds) feed.finishRun();
    // If media of one kind continues alone for longer than a segment may last, it was split, and may be more than a few frames.
    const { highestIndex: tail } = this.set;
    const keepsTail = last || this.schedule.beginsInPause(tail);
    const isLong = this.set.end - (this.schedule.timeOf(tail) ?? 0) > LEFT_OUT;
    if (!keepsTail || !isLong) this.set.forgetUneven(listed);
    const { highestIndex } = this.set;
    this.schedule.endRun(highestIndex, this.set.end);
    for (const rendition of this.set.all) if (!rendition.withdrawn) rendition.finishRun(highestIndex);
  }

  /** Only the first GOP exists: it determines the target duration. */
  settle(): void {
    this.schedule.finish(this.#latest);
  }

  startPeriod(plan: PeriodPlan): void {
    this.finishRun();
    if (this.schedule.targetDuration === undefined) {
      this.schedule.reset();
      this.#periods.reset();
      this.set.reset();
      this.#latest = 0;
    }
    this.#plan = plan;
    this.#timing = partTiming(plan, this.#options.presentation.partDuration, this.#timing.partTarget);
    this.schedule.begin(this.#rules());
    this.#awaitPeriod();
    this.set.plan(this.#timing);
  }

  #rules(): RunRules {
    const { frame, renditions } = this.#timing;
    const nominalPart = Math.max(...renditions.map(({ nominal }) => nominal));
    return { frame, nominalPart, regular: this.#plan.cuts === 'regular' };
  }

  #newRendition(): Omit<RenditionOptions, 'plan'> {
    const { presentation, onSegment, onArchiveLost } = this.#options;
    const event = presentation.event === true && presentation.store !== undefined;
    const dvrWindow = event ? Number.POSITIVE_INFINITY : presentation.store && presentation.dvrWindow;
    return {
      clock: this.#clock,
      schedule: this.schedule,
      periods: this.#periods,
      firstMediaSequence: presentation.firstMediaSequence,
      windowSegments: Math.max(SMALLEST_WINDOW, presentation.windowSegments),
      partTarget: this.#timing.partTarget,
      skips: dvrWindow !== undefined || presentation.windowSegments >= SMALLEST_WINDOW_WITH_SKIPS,
      dvrWindow,
      event,
      onArchiveLost,
      programDateTime: (mediaTime: Seconds) => this.#dates.at(mediaTime),
      reports: (asked, kind) => this.#reports(asked, kind),
      onSegment,
    };
  }

  /** RFC 8216bis B.1: reports for all playlists but the one that contains them, I-frame playlists last. */
  #reports(asked: Rendition, kind: PlaylistKind): readonly RenditionReport[] {
    return (['media', 'i-frames'] as const).flatMap((reported) =>
      this.set.all
        .filter((rendition) => rendition !== asked || reported !== kind)
        .map((rendition) => rendition.report(reported))
        .filter((report) => report !== undefined),
    );
  }

  #note(time: Milliseconds): void {
    this.#dates.note(time);
    if (time > this.#latest) this.#latest = time;
  }

  /** The schedule has advanced: a period may begin, held audio may be emitted, the target duration may be known. */
  #advance(): void {
    const { runStart, lastIndex } = this.schedule;
    if (this.#periods.awaited && runStart !== undefined && lastIndex > this.#awaitedAfter) {
      const index = this.#awaitedAfter + 1;
      this.#periods.begin(index, millisecondsToSeconds(this.schedule.timeOf(index) ?? runStart));
    }
    if (this.#forcedCuts.length > 0) for (const time of this.#forcedCuts.splice(0)) this.#options.onForcedCut(time);
    this.set.advance();
    this.set.dropLaggingRenditions(this.#latest);
  }

  #awaitPeriod(): void {
    this.#periods.await();
    this.#awaitedAfter = this.schedule.lastIndex;
  }

  /** A track changed unannounced: the next segment starts a period, and this rendition has no media before it. */
  #onTrackChanged(rendition: Rendition): void {
    const period = this.#periods.at(this.schedule.lastIndex);
    if (this.#periods.awaited || period === undefined || (rendition.mediaIndex ?? -1) < period.startIndex) return;
    this.#awaitPeriod();
    rendition.interrupt(Number.POSITIVE_INFINITY);
    rendition.resumeAt(this.#awaitedAfter + 1);
  }
}
