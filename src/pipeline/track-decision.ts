// Decides from its tags which tracks a publisher sends. Metadata may be wrong, and nothing announces that a track is absent.
import type { LiveTag } from '../live/tag.js';
import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';

/** How long to wait for the second track after the first media of one. Then it counts as absent. */
const TRACK_WAIT: Milliseconds = 1_000;
/**
 * The same wait if video is announced. A relay that joins in the middle of a GOP sends metadata and audio at once, but the video header
 * only with the next key frame. The automatic key frame interval of many encoders is 8.3 s.
 */
const ANNOUNCED_WAIT: Milliseconds = 12_000;
/** The same wait for a returning publisher that had video before, but does not announce it. */
const RETURN_WAIT: Milliseconds = 3_000;
/** If a timer fires later than this, the gateway or the machine stood still, and media that arrived meanwhile is not read yet. */
const HELD_UP: Milliseconds = 200;

export interface TrackDecisionOptions {
  readonly clock: Clock;
  readonly wait?: Milliseconds;
  /** Called when only audio has come. Returns the reason why video may still come. */
  readonly expectsVideo?: () => 'announced' | 'had' | undefined;
  /** Called when both tracks have come. Returns whether more pictures are needed for the decision. */
  readonly doubtsRate?: () => boolean;
  /** Called once, with at least one track. */
  readonly onDecided: (tracks: { readonly video: boolean; readonly audio: boolean }) => void;
}

/** A track is present once it can be described: its sequence header is there, or for codecs without one its first frame. */
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

  /** The memory limit is reached: decides with the tracks that have come. */
  decideNow(): void {
    if (!this.#decided && (this.#video || this.#audio)) this.#decide();
  }

  #wait(): void {
    if (this.#cancel !== undefined) return;
    const { clock, wait = TRACK_WAIT } = this.#options;
    this.#since = clock.now();
    this.#await(wait);
  }

  #await(delay: Milliseconds): void {
    const { clock } = this.#options;
    const due = clock.now() + delay;
    this.#cancel = clock.after(delay, () => {
      if (clock.now() - due > HELD_UP) this.#await(delay);
      else this.#waited();
    });
  }

  #waited(): void {
    const { clock, expectsVideo } = this.#options;
    const expected = this.#video ? undefined : expectsVideo?.();
    const most = expected === undefined ? 0 : expected === 'announced' ? ANNOUNCED_WAIT : RETURN_WAIT;
    const left = (this.#since ?? 0) + most - clock.now();
    if (left <= 0) this.#decide();
    else this.#await(left);
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
