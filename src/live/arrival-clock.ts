// If the timestamps of a track do not advance, replaces them by the times at which the frames arrive.
import type { Milliseconds } from '../protocols/units.js';

/**
 * Timestamps are compared over this much arrival time. Encoders that bundle frames or write whole seconds repeat a timestamp many times,
 * but send a new one at least once a second.
 */
const OBSERVED: Milliseconds = 1_500;
const MIN_FRAMES = 4;
/** Timestamps that advance by less than this per frame are useless, because no encoder sends 500 frames a second. */
const MIN_ADVANCE: Milliseconds = 2;
/** Frames arrive unevenly, so they are placed at even distances. A deviation from their arrival is corrected over this time. */
const SMOOTHING: Milliseconds = 640;
/** A larger deviation means that frames were missing: the track continues at the time of arrival. */
const MAX_DIFFERENCE: Milliseconds = 1_000;
/** The distance of frames is averaged over this many. */
const AVERAGED_FRAMES = 32;

/** A track whose frames arrive closer together than this is not sent in real time, so their arrival says nothing about their times. */
const MIN_INTERVAL: Milliseconds = 4;
/** Minimum distance of frames while it is unknown whether the track is sent in real time, because it may begin with a bundle. */
const MIN_UNPROVEN_INTERVAL: Milliseconds = 10;

/** The usual interval counts as this many measured distances, because encoders often send their first frames at once. */
const EXPECTED_DISTANCES = 8;

type TrackKind = 'video' | 'audio';

/** A timestamp, and the monotonic time of its arrival. */
interface Sighting {
  readonly wire: Milliseconds;
  readonly at: Milliseconds;
}

interface Watch {
  /** The frame since which timestamps and arrival are compared, and the number of frames since then. */
  since: Sighting;
  frames: number;
  previous: Sighting;
  /** Set while the timestamps do not advance. */
  replaced: Replacement | undefined;
}

/** A frame that arrives at `base.at` has the timestamp `base.wire`, and later ones accordingly. */
interface Replacement {
  base: Sighting;
  /** False while the track has sent only a few frames with one timestamp, which may be a bundle. */
  proven: boolean;
  /** The last timestamp that was returned. */
  wire: Milliseconds;
  interval: Milliseconds;
  /** Number of distances of which the interval is the mean. */
  distances: number;
}

export class ArrivalClock {
  readonly #onStuck: () => void;
  readonly #watches = new Map<TrackKind, Watch>();

  /** @param onStuck called each time a track's timestamps stop advancing */
  constructor(onStuck: () => void) {
    this.#onStuck = onStuck;
  }

  /**
   * @param frame as received
   * @param before where the previous frame of this kind was placed, as a timestamp, and the distance between its frames
   * @returns the timestamp to take for this frame: nearly always the one that was received
   */
  correct(
    kind: TrackKind,
    frame: Sighting,
    before: { readonly placed: Milliseconds; readonly interval: Milliseconds },
  ): Milliseconds {
    const watch = this.#watches.get(kind);
    if (watch === undefined) {
      this.#watches.set(kind, { since: frame, frames: 0, previous: frame, replaced: undefined });
      return frame.wire;
    }
    const { previous, since, replaced } = watch;
    const other = this.#watches.get(kind === 'video' ? 'audio' : 'video');
    // The same timestamp: AV1 encoders number the frames that they hide by single milliseconds.
    const repeatsFirst = watch.frames === 0 && previous === since && frame.wire === since.wire;
    watch.previous = frame;
    watch.frames += 1;
    const isFlood = watch.frames >= AVERAGED_FRAMES && frame.at - since.at < MIN_INTERVAL * watch.frames;
    if (replaced?.proven === false && (isFlood || !isStuck(watch))) {
      watch.replaced = undefined;
    } else if (repeatsFirst && replaced === undefined) {
      const { placed, interval } = before;
      watch.replaced = {
        base: baseOf(watch, other),
        proven: false,
        wire: placed,
        interval,
        distances: EXPECTED_DISTANCES,
      };
    }
    if (frame.at - since.at >= OBSERVED && watch.frames >= MIN_FRAMES) this.#judge(watch, other, before.placed);
    return watch.replaced === undefined ? frame.wire : follow(watch.replaced, frame.at, frame.at - previous.at);
  }

  /** Whether the timestamps of this kind are being replaced. */
  replaces(kind: TrackKind): boolean {
    return this.#watches.get(kind)?.replaced !== undefined;
  }

  #judge(watch: Watch, other: Watch | undefined, placed: Milliseconds): void {
    const { since, previous, frames, replaced } = watch;
    const elapsed = previous.at - since.at;
    const advance = (previous.wire - since.wire) | 0;
    if (replaced?.proven !== true) {
      if (isStuck(watch)) {
        const interval = elapsed / frames;
        watch.replaced = {
          base: baseOf(watch, other),
          proven: true,
          wire: placed,
          interval,
          distances: AVERAGED_FRAMES,
        };
        this.#onStuck();
      }
    } else if (advance > elapsed / 2 && advance < elapsed * 2) {
      watch.replaced = undefined;
    }
    watch.since = previous;
    watch.frames = 0;
  }
}

function isStuck({ since, previous, frames }: Watch): boolean {
  return Math.abs((previous.wire - since.wire) | 0) < MIN_ADVANCE * Math.max(1, frames);
}

/**
 * Audio and video that arrive together belong together, so both tracks of a publisher use the same relation between timestamps and arrival.
 */
function baseOf(watch: Watch, other: Watch | undefined): Sighting {
  if (watch.replaced !== undefined) return watch.replaced.base;
  if (other === undefined) return watch.since;
  if (other.replaced !== undefined) return other.replaced.base;
  if (!isStuck(other)) return other.previous;
  return other.since.at < watch.since.at ? other.since : watch.since;
}

function follow(replaced: Replacement, at: Milliseconds, distance: Milliseconds): Milliseconds {
  const { base, proven } = replaced;
  // A pause says nothing about the usual distance of frames.
  if (distance < Math.max(MAX_DIFFERENCE / 2, 4 * replaced.interval)) {
    replaced.distances = Math.min(replaced.distances + 1, AVERAGED_FRAMES);
    replaced.interval += (distance - replaced.interval) / replaced.distances;
  }
  const { interval, wire } = replaced;
  const expected = wire + interval;
  const difference = Math.round(base.wire + at - base.at - expected) | 0;
  replaced.wire =
    Math.abs(difference) > MAX_DIFFERENCE
      ? expected + difference
      : Math.max(
          wire + (proven ? interval / 2 : MIN_UNPROVEN_INTERVAL),
          expected + difference * Math.min(1, interval / SMOOTHING),
        );
  return Math.round(replaced.wire) >>> 0;
}
