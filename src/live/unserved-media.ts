// Tells a publisher that none of its tracks can be served. If one kind is unusable, the other gets some time to appear.
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import type { LiveTagKind } from './tag.js';

/** Media time within which the other kind should appear: encoders send both from the start. */
const UNSERVED_WAIT: Milliseconds = 2_000;
/** A single bad timestamp must not look like a long wait. */
const MIN_MESSAGES = 10;

export class UnservedMedia {
  #since: { readonly kind: LiveTagKind; readonly timestamp: Milliseconds; messages: number } | undefined;

  /**
   * Takes a message that came while there is no track.
   * @param video why the received video cannot be served
   * @param audio why the received audio cannot be served
   * @throws the reason why nothing can be served; that of the video if both kinds are unusable
   */
  check(
    kind: LiveTagKind,
    timestamp: Milliseconds,
    video: SluiceError | undefined,
    audio: SluiceError | undefined,
  ): void {
    const reason = video ?? audio;
    if (reason === undefined) return;
    if (video !== undefined && audio !== undefined) throw reason;
    this.#since ??= { kind, timestamp, messages: 0 };
    if (this.#since.kind !== kind) return;
    this.#since.messages += 1;
    const waited = (timestamp - this.#since.timestamp) | 0;
    if (waited > UNSERVED_WAIT && this.#since.messages > MIN_MESSAGES) throw reason;
  }
}
