// Finds the frame at which a publisher's change takes effect, so that each change becomes exactly one discontinuity.

import type { LiveTag } from '../live/tag.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';

/** What to do with a tag. */
export type ChangeVerdict =
  /** It belongs to the current period. */
  | 'goes-on'
  /** Drop it: it belongs to parameters that are not in force yet, or carries no media. */
  | 'left-out'
  /** It is the first tag of a new period. */
  | 'begins-anew';

/** Stream time to wait for a key frame. */
const MAX_WAIT: Milliseconds = 10_000;

/**
 * New parameters, clock jumps and changed sets of tracks arrive separately, each at its own time. They take effect together, at the next
 * frame at which decoding can start. Frames of a track whose parameters changed are dropped until then, because they cannot be decoded with
 * the old parameters; all other frames pass.
 */
export class ChangeWatch {
  #hasVideo: boolean;
  /** Tracks whose parameters changed. */
  readonly #changed = new Set<'video' | 'audio'>();
  #pending = false;
  #since: Milliseconds | undefined;

  constructor(hasVideo: boolean) {
    this.#hasVideo = hasVideo;
  }

  /** Something changed that no tag shows: a new period is due. */
  noteChange(): void {
    this.#pending = true;
  }

  /** The set of tracks has changed. */
  noteTracks(hasVideo: boolean): void {
    this.#hasVideo = hasVideo;
    this.#pending = true;
  }

  /** Takes a tag of the main tracks, in order. */
  note(tag: LiveTag): ChangeVerdict {
    if (tag.kind === 'script') return 'left-out';
    if (tag.sequenceHeader) {
      if (tag.changed === true) {
        this.#changed.add(tag.kind);
        this.#pending = true;
      }
      return 'left-out';
    }
    if (tag.discontinuity === true) this.#pending = true;
    if (!this.#pending) return 'goes-on';
    this.#since ??= tag.dts;
    const canStart = this.#hasVideo ? tag.kind === 'video' && tag.keyFrame : tag.kind === 'audio';
    // Without a key frame for so long the pictures are lost anyway; the audio need not be.
    if (canStart || tag.dts - this.#since > MAX_WAIT) {
      this.#pending = false;
      this.#changed.clear();
      this.#since = undefined;
      return 'begins-anew';
    }
    return this.#changed.has(tag.kind) ? 'left-out' : 'goes-on';
  }
}

/** In pictures: in a source with one picture every ten seconds, every second one may be a key frame. */
const SHORTEST_LONG_GOP = 2.5;

/** Detects a publisher whose key frames are too far apart to cut segments at them; its source is then encoded. One per publisher. */
export class LongGop {
  readonly #longest: Milliseconds;
  #lastKeyFrame: Milliseconds | undefined;
  #lastPicture: Milliseconds | undefined;
  #interval: Milliseconds = 0;
  #found = false;

  /** @param maxGop longest GOP that is cut without encoding */
  constructor(maxGop: Seconds) {
    this.#longest = secondsToMilliseconds(maxGop);
  }

  /** Whether a long GOP was found; the key frames are then our own. */
  get found(): boolean {
    return this.#found;
  }

  note({ kind, keyFrame, dts }: LiveTag): void {
    if (kind !== 'video') return;
    if (keyFrame) this.#lastKeyFrame = dts;
    this.#interval = dts - (this.#lastPicture ?? dts);
    this.#lastPicture = dts;
  }

  /** Whether this tag, already noted, is too far from the last key frame. */
  exceeds({ kind, dts }: LiveTag): boolean {
    const last = this.#lastKeyFrame;
    return (
      !this.#found &&
      kind === 'video' &&
      last !== undefined &&
      dts - last > Math.max(this.#longest, SHORTEST_LONG_GOP * this.#interval)
    );
  }

  /** @returns false if it was already known */
  find(): boolean {
    const first = !this.#found;
    this.#found = true;
    return first;
  }
}
