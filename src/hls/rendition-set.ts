// The renditions of a stream over all its epochs, and what feeds each of them in the epoch that runs.
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
 * A rendition so many target durations further behind than it ever was in its epoch is given up on even while something comes of
 * it: it will not catch up. One that begins with a queue, as after a first GOP that was too long to cut, does.
 */
const HOPELESS_LAG = 3;

/** Stream time between two looks at who lags. */
const LAG_CHECK_INTERVAL: Milliseconds = 100;

/**
 * Real time between two looks counts at most as much as media came between them, and this much more: where it was longer, this
 * process or the whole machine stood still, and no rendition could have got on.
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
  /** The feeds again: iterated for each sample. */
  #feedList: readonly Feed[] = [];
  #nextLagCheck: Milliseconds = Number.NEGATIVE_INFINITY;
  /** The last look at who lags: when it was, and what had come until then. */
  #lastLook: { readonly now: Milliseconds; readonly newest: Milliseconds } | undefined;
  /** Real time in which renditions could have got on, since the beginning. */
  #attended: Milliseconds = 0;
  /** By rendition: its last progress, and `#attended` when that was first seen. */
  readonly #progress = new WeakMap<Rendition, { readonly at: Milliseconds; readonly seen: Milliseconds }>();

  /** By rendition: the least it was behind in the epoch. */
  #leastLag = new WeakMap<Rendition, Milliseconds>();

  constructor(options: RenditionSetOptions) {
    this.#options = options;
  }

  /** In the order of the ladder, those that only earlier epochs had last. */
  get all(): readonly Rendition[] {
    return this.#all;
  }

  /** Of the epoch that runs, in the order of its plan. */
  get active(): readonly Rendition[] {
    return this.#feedList.map(({ rendition }) => rendition);
  }

  get feeds(): readonly Feed[] {
    return this.#feedList;
  }

  find(name: string): Rendition | undefined {
    return this.#all.find(({ plan }) => plan.name === name);
  }

  /** @returns undefined for a rendition that is not of this epoch, or withdrawn. @throws RangeError for one that never was */
  feed(name: string): Feed | undefined {
    const feed = this.#feeds.get(name);
    if (feed === undefined && this.find(name) === undefined) throw new RangeError(`no rendition ${name}`);
    return feed;
  }

  /** An epoch begins, with these renditions. */
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

  /** Nothing was shown to anybody yet. */
  reset(): void {
    for (const rendition of this.#all) rendition.reset();
  }

  advance(): void {
    for (const feed of this.#feedList) feed.advance();
  }

  /** Of the cut schedule: the newest segment that any rendition has something of; -1 when none has. */
  get highestIndex(): number {
    return this.#all.reduce((highest, rendition) => Math.max(highest, rendition.highestIndex ?? -1), -1);
  }

  /**
   * The publisher left so soon after a cut that some renditions have nothing behind it: what the others held of that, less than a
   * part, is left out while nobody has seen it, rather than listed beside a gap.
   * @param listed the newest segment that players know
   */
  forgetUneven(listed: number): void {
    const { active, highestIndex } = this;
    const isEven = active.every((rendition) => rendition.highestIndex === highestIndex);
    if (highestIndex > listed && !isEven) for (const rendition of active) rendition.forget(highestIndex);
  }

  /** Where the media of the rendition that got furthest ends. */
  get end(): Milliseconds {
    return this.#all.reduce((end, rendition) => Math.max(end, secondsToMilliseconds(rendition.end ?? 0)), 0);
  }

  /**
   * Players must not wait for a rendition that does not come. It may be a target duration late; then it is
   * given up if nothing at all comes of it, or if it is hopelessly late.
   * @param newest stream time reached at ingest
   */
  giveUpLaggards(newest: Milliseconds): void {
    const { schedule } = this.#options;
    if (schedule.targetDuration === undefined || newest < this.#nextLagCheck) return;
    this.#nextLagCheck = newest + LAG_CHECK_INTERVAL;
    this.#look(newest);
    const target = secondsToMilliseconds(schedule.targetDuration);
    for (const rendition of this.#all) {
      if (rendition.withdrawn) continue;
      const absent = !this.#feeds.has(rendition.plan.name);
      const silent = this.#silence(rendition) > target;
      const late = absent ? 0 : silent ? target : HOPELESS_LAG * target + this.#allowance(rendition, newest);
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

  /** How long nothing has come of it. */
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
