// Decides which tracks a publisher sends from the tags it sends, because metadata lies and an absent track announces itself by nothing.
import type { LiveTag } from '../live/tag.js';
import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';

/** From the first media of one track, how long the other may stay unseen before it counts as absent (A6.03: at most 3 s). */
const TRACK_WAIT: Milliseconds = 1_000;

export interface TrackDecisionOptions {
  readonly clock: Clock;
  readonly wait?: Milliseconds;
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
    if (this.#video && this.#audio) this.#decide();
    else this.#cancel ??= this.#options.clock.after(this.#options.wait ?? TRACK_WAIT, () => this.#decide());
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
