// Finds renditions that players must not wait for. A rendition that is more than a target duration late is given up if it makes no
// progress, or if it is too late ever to catch up.
import type { Clock } from '../protocols/clock.js';
import { type Milliseconds, secondsToMilliseconds } from '../protocols/units.js';
import type { Feed } from './feed.js';
import type { RenditionSet } from './rendition-set.js';
import type { CutSchedule } from './timeline/cut-schedule.js';
import { FIRST_PAUSE_LIMIT } from './timeline/sound-pause.js';
import type { Rendition } from './window/rendition.js';

/**
 * A rendition whose lag has grown by this many target durations above its smallest lag in this period is given up, even if it still makes
 * progress: it will not catch up. A rendition that starts with a queue, for example after a first GOP that was too long to cut, does catch
 * up.
 */
const MAX_EXTRA_LAG = 3;

/** Stream time between two checks. */
const CHECK_INTERVAL: Milliseconds = 100;

/**
 * Limits the real time that counts between two checks: to the duration of the media that arrived, plus this. If more real time has passed,
 * this process or the whole machine stood still, and no rendition could make progress.
 */
const CHECK_SLACK: Milliseconds = 500;

export class LagWatch {
  /** Stream time at which the next check is due. */
  nextCheck: Milliseconds = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;
  readonly #schedule: CutSchedule;
  /** Time of the last check, and the newest media at that time. */
  #lastCheck: { readonly now: Milliseconds; readonly newest: Milliseconds } | undefined;
  /** Total real time in which renditions could make progress. */
  #attended: Milliseconds = 0;
  /** For each rendition: its number of parts, and the value of `#attended` when that number was first seen. */
  readonly #progress = new WeakMap<Rendition, { readonly parts: number; readonly seen: Milliseconds }>();
  /** For each rendition: its smallest lag in this period. */
  #leastLag = new WeakMap<Rendition, Milliseconds>();

  constructor(clock: Clock, schedule: CutSchedule) {
    this.#clock = clock;
    this.#schedule = schedule;
  }

  beginPeriod(): void {
    this.#leastLag = new WeakMap();
  }

  /**
   * Closes the segments of renditions that are too late, with the media that has come. Call whenever the stream reaches `nextCheck`, once
   * the target duration is known.
   * @param newest stream time reached at ingest
   */
  giveUpLate({ all, feeds }: Pick<RenditionSet, 'all' | 'feeds'>, newest: Milliseconds): void {
    this.nextCheck = newest + CHECK_INTERVAL;
    const now = this.#clock.now();
    const last = this.#lastCheck ?? { now, newest };
    this.#attended += Math.min(now - last.now, Math.max(0, newest - last.newest) + CHECK_SLACK);
    this.#lastCheck = { now, newest };
    for (const rendition of all) {
      if (rendition.withdrawn) continue;
      const feed = feeds.find((candidate) => candidate.rendition === rendition);
      const until = this.#lateUntil(rendition, feed, newest);
      if (until === undefined) continue;
      feed?.fillUpTo(until);
      const { segmenter, isEncoded } = rendition;
      if ((segmenter.lastIndex ?? -1) < until) segmenter.giveUp(until, isEncoded);
    }
  }

  /**
   * @param feed undefined if the rendition is not in this period
   * @returns the index of the last segment that is no longer waited for; undefined if the rendition is in time
   */
  #lateUntil(rendition: Rendition, feed: Feed | undefined, newest: Milliseconds): number | undefined {
    const late = feed === undefined ? 0 : this.#mayBeLate(feed, newest);
    const { lastIndex, highestIndex = 0 } = rendition.segmenter;
    const first = lastIndex ?? highestIndex - 1;
    let index = first;
    for (let end = this.#schedule.endOf(index + 1); end !== undefined && end <= newest - late; ) {
      index += 1;
      end = this.#schedule.endOf(index + 1);
    }
    return index > first ? index : undefined;
  }

  #mayBeLate({ rendition, catchesUp }: Feed, newest: Milliseconds): Milliseconds {
    const target = secondsToMilliseconds(this.#schedule.targetDuration ?? 0);
    // Audio that arrives after its silence was emitted may stay that late.
    if (catchesUp) this.#leastLag.delete(rendition);
    const hopeless = MAX_EXTRA_LAG * target + this.#allowance(rendition, newest);
    const silence = this.#silence(rendition);
    const { plan, segments } = rendition;
    const isFirstSound = plan.kind === 'audio' && plan.input === 'samples' && segments === 0;
    if (isFirstSound) return Math.max(hopeless, FIRST_PAUSE_LIMIT);
    // A first segment that ended early gives an encoder no less time to start.
    const toStart = rendition.parts === 0 ? this.#schedule.independence.firstShortenedBy : 0;
    return silence > target && !catchesUp ? target + toStart : hopeless;
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
    const { parts } = rendition;
    let progress = this.#progress.get(rendition);
    if (progress?.parts !== parts) {
      progress = { parts, seen: parts === 0 ? Number.NEGATIVE_INFINITY : this.#attended };
      this.#progress.set(rendition, progress);
    }
    return this.#attended - progress.seen;
  }
}
