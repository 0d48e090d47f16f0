// Finds the one frame at which a changed publisher begins anew, so that a change is one discontinuity and nothing else is.
import type { LiveTag } from '../live/tag.js';
import type { Milliseconds } from '../protocols/units.js';

/** How a tag is to be taken. */
export type ChangeVerdict =
  /** As part of the epoch that runs. */
  | 'goes-on'
  /** Not at all: it belongs to parameters that are not in force yet, or carries no media. */
  | 'left-out'
  /** As the first of a new epoch. */
  | 'begins-anew';

/** Stream time for which a key frame is waited for. */
const MAX_WAIT: Milliseconds = 10_000;

/**
 * New parameters, a jump of the clock and a changed set of tracks come one by one, each at its own time; what they make
 * different begins together, at the next frame that decoding can start at. Frames of a track whose parameters changed wait
 * for it (they cannot be decoded with the old ones); all others go on until then.
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

  /** Something changed that no tag says: a new epoch is due. */
  noteChange(): void {
    this.#pending = true;
  }

  /** The tracks that are sent now are others. */
  noteTracks(hasVideo: boolean): void {
    this.#hasVideo = hasVideo;
    this.#pending = true;
  }

  /** A tag of the main tracks, in order. */
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
    // Without a key frame for so long the pictures are lost anyway; the sound need not be.
    if (canStart || tag.dts - this.#since > MAX_WAIT) {
      this.#pending = false;
      this.#changed.clear();
      this.#since = undefined;
      return 'begins-anew';
    }
    return this.#changed.has(tag.kind) ? 'left-out' : 'goes-on';
  }
}
