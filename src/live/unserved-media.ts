// A publisher whose every track is left out must hear it; one that has something else to offer gets the time to show it.
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import type { LiveTagKind } from './tag.js';

/** Media time in which the other kind shows itself, as encoders send both from the start. */
const UNSERVED_WAIT: Milliseconds = 2_000;
/** One odd timestamp must not look like a long wait. */
const MIN_MESSAGES = 10;

export interface TrackIngest {
  readonly track: unknown;
  readonly refused: SluiceError | undefined;
}

export class UnservedMedia {
  #since: { readonly kind: LiveTagKind; readonly timestamp: Milliseconds; messages: number } | undefined;

  /** @throws the reason for which nothing is left to serve: of the video when both are left out */
  check(kind: LiveTagKind, timestamp: Milliseconds, video: TrackIngest, audio: TrackIngest): void {
    if (video.track !== undefined || audio.track !== undefined) return;
    const reason = video.refused ?? audio.refused;
    if (reason === undefined) return;
    if (video.refused !== undefined && audio.refused !== undefined) throw reason;
    this.#since ??= { kind, timestamp, messages: 0 };
    if (this.#since.kind !== kind) return;
    this.#since.messages += 1;
    const waited = (timestamp - this.#since.timestamp) | 0;
    if (waited > UNSERVED_WAIT && this.#since.messages > MIN_MESSAGES) throw reason;
  }
}
