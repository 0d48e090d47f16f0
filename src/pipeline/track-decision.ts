// Decides which tracks a publisher sends from the tags it sends, because metadata lies and an absent track announces itself by nothing.
import type { LiveTag } from '../live/tag.js';
import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';

/** From the first media of one track, how long the other may stay unseen before it counts as absent (A6.03: at most 3 s). */
const TRACK_WAIT: Milliseconds = 1_000;
/**
 * The same for pictures that are announced: a relay that joins in the middle of a group of pictures sends its metadata and its sound
 * at once, and the header of the pictures with the next key frame. "Auto" is 8.3 s in many encoders.
 */
const ANNOUNCED_WAIT: Milliseconds = 12_000;
/** The same for a publisher that returns and does not say that it has the pictures it had. */
const RETURN_WAIT: Milliseconds = 3_000;

export interface TrackDecisionOptions {
  readonly clock: Clock;
  readonly wait?: Milliseconds;
  /** Asked when only sound has come: what speaks for pictures. */
  readonly expectsVideo?: () => 'announced' | 'had' | undefined;
  /** Asked when both tracks have come: more pictures are wanted before anything is decided. */
  readonly doubtsRate?: () => boolean;
  /** Called once, with at least one track. */
  readonly onDecided: (tracks: { readonly video: boolean; readonly audio: boolean }) => void;
}

/** A track is present when it can be described: its sequence header is there, or (for codecs without one) its first frame. */
export class TrackDecision {
  readonly #options: TrackDecisionOptions;
  #video = false;
  #audio = false;
  #decided = false;
  #cancel: (() => void) | undefined;
  #since: Milliseconds | undefined;

  constructor(options: TrackDecisionOptions) {
    this.#options = options;
  }

  get decided(): boolean {
    return this.#decided;
  }

  note(tag: LiveTag): void {
    if (this.#decided || tag.kind === 'script') return;
    if (tag.kind === 'video') this.#video = true;
    else this.#audio = true;
    const isKnown = this.#video && this.#audio && this.#options.doubtsRate?.() !== true;
    if (isKnown) this.#decide();
    else this.#wait();
  }

  /** No more can be kept: what has come is all there is. */
  decideNow(): void {
    if (!this.#decided && (this.#video || this.#audio)) this.#decide();
  }

  #wait(): void {
    if (this.#cancel !== undefined) return;
    const { clock, wait = TRACK_WAIT } = this.#options;
    this.#since = clock.now();
    this.#cancel = clock.after(wait, () => this.#waited());
  }

  #waited(): void {
    const { clock, expectsVideo } = this.#options;
    const expected = this.#video ? undefined : expectsVideo?.();
    const most = expected === undefined ? 0 : expected === 'announced' ? ANNOUNCED_WAIT : RETURN_WAIT;
    const left = (this.#since ?? 0) + most - clock.now();
    if (left <= 0) this.#decide();
    else this.#cancel = clock.after(left, () => this.#waited());
  }

  close(): void {
    this.#decided = true;
    this.#cancel?.();
  }

  #decide(): void {
    this.close();
    this.#options.onDecided({ video: this.#video, audio: this.#audio });
  }
}
