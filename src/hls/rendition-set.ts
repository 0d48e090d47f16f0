// The renditions of a stream over all its periods, and the feeds of those in the current period.
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import type { FeedOptions } from './feed.js';
import type { Incidents } from './incidents.js';
import { PipeFeed } from './pipe-feed.js';
import type { RenditionReport } from './playlists/media-playlist.js';
import type { PresentationOptions } from './presentation-options.js';
import { SampleFeed } from './sample-feed.js';
import type { PartTiming, RenditionPartTiming } from './timeline/part-timing.js';
import type { RenditionPlan } from './timeline/plan.js';
import { Rendition, type RenditionOptions } from './window/rendition.js';
import type { PlaylistKind } from './window/rendition-playlists.js';

/** RFC 8216bis 6.2.2 and Apple's authoring rules: at least six segments are listed. */
const SMALLEST_WINDOW = 6;

/** Shorter windows hardly ever reach beyond the Skip Boundary of six target durations (docs/decisions/0008). */
const SMALLEST_WINDOW_WITH_SKIPS = 8;

export interface RenditionSetOptions
  extends Pick<RenditionOptions, 'schedule' | 'periods' | 'programDateTime' | 'onSegment' | 'onChange'>,
    Pick<FeedOptions, 'onTrackChanged' | 'onInit'> {
  readonly presentation: PresentationOptions;
  readonly incidents: Pick<Incidents, 'dvrDropped' | 'soundPaused' | 'overlongPart'>;
}

type AnyFeed = SampleFeed | PipeFeed;

export class RenditionSet {
  /** One for each rendition of the current period that was not withdrawn. */
  feeds: readonly AnyFeed[] = [];
  /** The feeds of sound, which waits for the pictures of the same time. */
  soundFeeds: readonly AnyFeed[] = [];
  readonly #options: RenditionSetOptions;
  #all: readonly Rendition[] = [];

  constructor(options: RenditionSetOptions) {
    this.#options = options;
  }

  /** In the order of the ladder; renditions that only earlier periods had come last. */
  get all(): readonly Rendition[] {
    return this.#all;
  }

  /** Renditions of the current period, in the order of its plan. */
  get active(): readonly Rendition[] {
    return this.feeds.map(({ rendition }) => rendition);
  }

  /** Number of requests waiting for media or for a media playlist. */
  get waiting(): number {
    return this.#all.reduce((sum, { mediaWaiters }) => sum + mediaWaiters.size, 0);
  }

  find(name: string): Rendition | undefined {
    return this.#all.find(({ plan }) => plan.name === name);
  }

  /** @returns undefined for a rendition that is not in this period or was withdrawn. @throws RangeError for one that never existed */
  sampleFeed(name: string): SampleFeed | undefined {
    const feed = this.#find(name);
    if (feed instanceof PipeFeed) throw new TypeError(`${name} is fed by a pipe`);
    return feed;
  }

  /** The same for a rendition that FFmpeg encodes. */
  pipeFeed(name: string): PipeFeed | undefined {
    const feed = this.#find(name);
    if (feed instanceof SampleFeed) throw new TypeError(`${name} is not fed by a pipe`);
    return feed;
  }

  #find(name: string): AnyFeed | undefined {
    const feed = this.feeds.find(({ rendition }) => rendition.plan.name === name);
    if (feed === undefined && this.find(name) === undefined) throw new RangeError(`no rendition ${name}`);
    return feed;
  }

  /** Starts a period with these renditions. */
  plan(timing: PartTiming): void {
    this.#feed(timing.renditions.map((planned) => this.#feedOf(planned, timing.partTarget)));
    const { active } = this;
    this.#all = [...active, ...this.#all.filter((rendition) => !active.includes(rendition))];
  }

  /** From now on, media of this rendition is ignored in this period. */
  stopFeeding(rendition: Rendition): void {
    this.#feed(this.feeds.filter((feed) => feed.rendition !== rendition));
  }

  #feed(feeds: readonly AnyFeed[]): void {
    this.feeds = feeds;
    this.soundFeeds = feeds.filter(({ rendition }) => rendition.plan.kind === 'audio');
  }

  /** Index in the cut schedule of the newest segment for which any rendition has media; -1 if none has. */
  get highestIndex(): number {
    return this.#all.reduce((highest, { segmenter }) => Math.max(highest, segmenter.highestIndex ?? -1), -1);
  }

  /**
   * If the publisher left just after a cut, and some renditions have no media after it, discards the media of the others there. That is
   * less than a part, and no player knows it yet. Otherwise it would be listed next to gaps.
   */
  forgetUneven(): void {
    const { active, highestIndex } = this;
    if (active.every(({ segmenter }) => segmenter.highestIndex === highestIndex)) return;
    for (const { segmenter } of active) segmenter.forget(highestIndex);
  }

  /** End of the media of the rendition that is furthest ahead. */
  get end(): Milliseconds {
    return this.#all.reduce((end, rendition) => Math.max(end, secondsToMilliseconds(rendition.end ?? 0)), 0);
  }

  #feedOf(timing: RenditionPartTiming, partTarget: Seconds): AnyFeed {
    const { plan } = timing;
    const rendition = this.find(plan.name) ?? this.#newRendition(plan, partTarget);
    rendition.plan = plan;
    if (rendition.withdrawn) rendition.setAway();
    const { schedule, onTrackChanged, onInit, incidents } = this.#options;
    const options = {
      ...{ rendition, schedule, partTarget, timing, onTrackChanged, onInit },
      onSilence: () => incidents.soundPaused(),
      onOverlongPart: (duration: Seconds) => incidents.overlongPart(plan.name, duration),
    };
    return plan.input === 'pipe' ? new PipeFeed(options) : new SampleFeed(options);
  }

  #newRendition(plan: RenditionPlan, partTarget: Seconds): Rendition {
    const { presentation, schedule, periods, programDateTime, onSegment, onChange, incidents } = this.#options;
    const { clock, firstMediaSequence, windowSegments, store } = presentation;
    const event = presentation.event === true && store !== undefined;
    const dvrWindow = event ? Number.POSITIVE_INFINITY : store && presentation.dvrWindow;
    return new Rendition({
      ...{ plan, clock, schedule, periods, firstMediaSequence, partTarget, dvrWindow, event },
      ...{ programDateTime, onSegment, onChange },
      onArchiveLost: () => incidents.dvrDropped(),
      windowSegments: Math.max(SMALLEST_WINDOW, windowSegments),
      skips: dvrWindow !== undefined || windowSegments >= SMALLEST_WINDOW_WITH_SKIPS,
      reports: (asked, kind) => this.#reports(asked, kind),
    });
  }

  /** RFC 8216bis B.1: reports for all playlists except the one that contains them, I-frame playlists last. */
  #reports(asked: Rendition, kind: PlaylistKind): readonly RenditionReport[] {
    return (['media', 'i-frames'] as const).flatMap((reported) =>
      this.#all
        .filter((rendition) => rendition !== asked || reported !== kind)
        .map((rendition) => rendition.report(reported))
        .filter((report) => report !== undefined),
    );
  }
}
