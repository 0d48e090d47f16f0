// The renditions of a stream over all its periods, and their feeds in the current one.
import type { Clock } from '../protocols/clock.js';
import { type Milliseconds, secondsToMilliseconds } from '../protocols/units.js';
import type { Feed, FeedOptions } from './feed.js';
import { PipeFeed } from './pipe-feed.js';
import { SampleFeed } from './sample-feed.js';
import type { CutSchedule } from './timeline/cut-schedule.js';
import type { PartTiming, RenditionPartTiming } from './timeline/part-timing.js';
import type { RenditionPlan } from './timeline/plan.js';
import { Rendition, type RenditionOptions } from './window/rendition.js';

/**
 * If a rendition is this many target durations further behind than its best in this period, it is given up even if it still makes progress,
 * because it will not catch up. A rendition that starts with a queue, as after a first GOP that was too long to cut, does catch up.
 */
const MAX_EXTRA_LAG = 3;

/** Stream time between two checks for lagging renditions. */
const LAG_CHECK_INTERVAL: Milliseconds = 100;

/**
 * Between two checks, real time counts at most as much as media that came meanwhile, plus this. If it was longer, this process or the whole
 * machine stood still, and no rendition could make progress.
 */
const LOOK_SLACK: Milliseconds = 500;

export interface RenditionSetOptions {
  readonly clock: Clock;
  readonly schedule: CutSchedule;
  readonly newRendition: (plan: RenditionPlan) => Omit<RenditionOptions, 'plan'>;
  readonly newFeed: Pick<FeedOptions, 'onTrackChanged' | 'onInit' | 'onSilence'> & {
    readonly onOverlongPart: (rendition: Rendition, duration: number) => void;
  };
}

export class RenditionSet {
  readonly #options: RenditionSetOptions;
  #all: Rendition[] = [];
  #feeds = new Map<string, Feed>();
  /** The values of the map, as an array that is fast to iterate for each sample. */
  #feedList: readonly Feed[] = [];
  #nextLagCheck: Milliseconds = Number.NEGATIVE_INFINITY;
  /** The last check for lagging renditions: its time, and the newest media then. */
  #lastLook: { readonly now: Milliseconds; readonly newest: Milliseconds } | undefined;
  /** Real time in which renditions could make progress, since the beginning. */
  #attended: Milliseconds = 0;
  /** By rendition: its last progress, and the value of `#attended` when it was first seen. */
  readonly #progress = new WeakMap<Rendition, { readonly at: Milliseconds; readonly seen: Milliseconds }>();

  /** By rendition: its smallest lag in the period. */
  #leastLag = new WeakMap<Rendition, Milliseconds>();

  constructor(options: RenditionSetOptions) {
    this.#options = options;
  }

  /** In the order of the ladder; renditions that only earlier periods had come last. */
  get all(): readonly Rendition[] {
    return this.#all;
  }

  /** Renditions of the current period, in the order of its plan. */
  get active(): readonly Rendition[] {
    return this.#feedList.map(({ rendition }) => rendition);
  }

  get feeds(): readonly Feed[] {
    return this.#feedList;
  }

  find(name: string): Rendition | undefined {
    return this.#all.find(({ plan }) => plan.name === name);
  }

  /** @returns undefined for a rendition that is not in this period or was withdrawn. @throws RangeError for one that never existed */
  feed(name: string): Feed | undefined {
    const feed = this.#feeds.get(name);
    if (feed === undefined && this.find(name) === undefined) throw new RangeError(`no rendition ${name}`);
    return feed;
  }

  /** Starts a period with these renditions. */
  plan(timing: PartTiming): void {
    this.#leastLag = new WeakMap();
    this.#feedList = timing.renditions.map((planned) => this.#feedOf(planned, timing.partTarget));
    this.#feeds = new Map(this.#feedList.map((feed) => [feed.rendition.plan.name, feed]));
    const active = this.active;
    this.#all = [...active, ...this.#all.filter((rendition) => !active.includes(rendition))];
  }

  withdraw(name: string): void {
    this.#feeds.delete(name);
    this.#feedList = [...this.#feeds.values()];
    this.find(name)?.withdraw();
    for (const rendition of this.#all) rendition.invalidate();
  }

  /** Starts again, because nothing was published yet. */
  reset(): void {
    for (const rendition of this.#all) rendition.reset();
  }

  advance(): void {
    for (const feed of this.#feedList) feed.advance();
  }

  /** Index in the cut schedule of the newest segment of which any rendition has media; -1 if none has. */
  get highestIndex(): number {
    return this.#all.reduce((highest, rendition) => Math.max(highest, rendition.highestIndex ?? -1), -1);
  }

  /**
   * If the publisher left so soon after a cut that some renditions have nothing after it, drops what the others have (less than a part) as
   * long as it was not published. Otherwise it would be listed next to gaps.
   * @param listed index of the newest segment that players know
   */
  forgetUneven(listed: number): void {
    const { active, highestIndex } = this;
    const isEven = active.every((rendition) => rendition.highestIndex === highestIndex);
    if (highestIndex > listed && !isEven) for (const rendition of active) rendition.forget(highestIndex);
  }

  /** End of the media of the rendition that is furthest ahead. */
  get end(): Milliseconds {
    return this.#all.reduce((end, rendition) => Math.max(end, secondsToMilliseconds(rendition.end ?? 0)), 0);
  }

  /**
   * Players must not wait for a rendition that does not come. It may be a target duration late; then it is
   * given up if nothing at all comes of it, or if it is hopelessly late.
   * @param newest stream time reached at ingest
   */
  dropLaggingRenditions(newest: Milliseconds): void {
    const { schedule } = this.#options;
    if (schedule.targetDuration === undefined || newest < this.#nextLagCheck) return;
    this.#nextLagCheck = newest + LAG_CHECK_INTERVAL;
    this.#look(newest);
    const target = secondsToMilliseconds(schedule.targetDuration);
    for (const rendition of this.#all) {
      if (rendition.withdrawn) continue;
      const absent = !this.#feeds.has(rendition.plan.name);
      const silent = this.#silence(rendition) > target;
      const late = absent ? 0 : silent ? target : MAX_EXTRA_LAG * target + this.#allowance(rendition, newest);
      let index = rendition.lastIndex ?? (rendition.highestIndex ?? 0) - 1;
      const first = index;
      for (let end = schedule.endOf(index + 1); end !== undefined && end <= newest - late; ) {
        index += 1;
        end = schedule.endOf(index + 1);
      }
      if (index > first) rendition.giveUp(index);
    }
  }

  #look(newest: Milliseconds): void {
    const now = this.#options.clock.now();
    const last = this.#lastLook ?? { now, newest };
    this.#attended += Math.min(now - last.now, Math.max(0, newest - last.newest) + LOOK_SLACK);
    this.#lastLook = { now, newest };
  }

  #allowance(rendition: Rendition, newest: Milliseconds): Milliseconds {
    if (rendition.end === undefined) return 0;
    const lag = Math.max(0, newest - secondsToMilliseconds(rendition.end));
    const least = Math.min(this.#leastLag.get(rendition) ?? lag, lag);
    this.#leastLag.set(rendition, least);
    return least;
  }

  /** How long the rendition has made no progress. */
  #silence(rendition: Rendition): Milliseconds {
    const at = rendition.lastProgress;
    let progress = this.#progress.get(rendition);
    if (progress?.at !== at) {
      const never = at === Number.NEGATIVE_INFINITY;
      progress = { at, seen: never ? Number.NEGATIVE_INFINITY : this.#attended };
      this.#progress.set(rendition, progress);
    }
    return this.#attended - progress.seen;
  }

  #feedOf(timing: RenditionPartTiming, partTarget: number): Feed {
    const { plan } = timing;
    const rendition = this.find(plan.name) ?? new Rendition({ ...this.#options.newRendition(plan), plan });
    rendition.plan = plan;
    if (rendition.withdrawn) rendition.reinstate();
    const { schedule, newFeed } = this.#options;
    const options = {
      ...newFeed,
      rendition,
      schedule,
      partTarget,
      timing,
      onOverlongPart: (duration: number) => newFeed.onOverlongPart(rendition, duration),
    };
    return plan.input === 'pipe' ? new PipeFeed(options) : new SampleFeed(options);
  }
}
