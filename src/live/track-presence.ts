// Detects tracks that start late or disappear. Only the time of the other track can tell that a track is gone.
import type { Milliseconds } from '../protocols/units.js';
import type { MediaKind } from './timeline.js';

/** Longer than any gap that the timeline treats as a pause. */
export const TRACK_TIMEOUT: Milliseconds = 5_000;
/** After a pause of both tracks, the first one to return must not make the other count as gone. */
const MIN_FRAMES_OF_OTHER = 10;
/** A track with a long frame interval counts as gone when this many frames are missing. */
const MISSING_FRAMES = 1.5;
/** The assumed frame interval of a track after its first picture, when it is not known yet. */
const SLOWEST_INTERVAL: Milliseconds = 10_000;

export interface TrackChange {
  readonly kind: MediaKind;
  readonly present: boolean;
}

interface Presence {
  present: boolean;
  /** Stream time of its last frame. */
  last: Milliseconds;
  /** Frames of the other kind since then. */
  othersSince: number;
  /** Distance between its last two frames; undefined before the second. */
  interval: Milliseconds | undefined;
}

export class TrackPresence {
  readonly #timeout: Milliseconds;
  readonly #onChange: (change: TrackChange) => void;
  readonly #tracks: Readonly<Record<MediaKind, Presence>> = {
    video: { present: false, last: 0, othersSince: 0, interval: undefined },
    audio: { present: false, last: 0, othersSince: 0, interval: undefined },
  };

  /** @param timeout in media time of the other track */
  constructor(timeout: Milliseconds, onChange: (change: TrackChange) => void) {
    this.#timeout = timeout;
    this.#onChange = onChange;
  }

  /** Call before each frame of this kind is delivered. */
  note(kind: MediaKind, dts: Milliseconds): void {
    const otherKind = kind === 'video' ? 'audio' : 'video';
    const track = this.#tracks[kind];
    const other = this.#tracks[otherKind];
    if (track.last > 0) track.interval = dts - track.last;
    track.last = dts;
    track.othersSince = 0;
    other.othersSince += 1;
    const gone =
      other.present && other.othersSince >= MIN_FRAMES_OF_OTHER && dts - other.last > this.#timeoutOf(otherKind);
    if (gone) {
      other.present = false;
      this.#onChange({ kind: otherKind, present: false });
    }
    if (!track.present) {
      track.present = true;
      this.#onChange({ kind, present: true });
    }
  }

  /** A slow source, such as one picture every ten seconds, is not gone between two pictures. */
  #timeoutOf(kind: MediaKind): Milliseconds {
    const expected = this.#tracks[kind].interval ?? (kind === 'video' ? SLOWEST_INTERVAL : 0);
    return Math.max(this.#timeout, MISSING_FRAMES * Math.min(expected, SLOWEST_INTERVAL));
  }
}
