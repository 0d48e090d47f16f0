// A track that comes late or goes away changes what can be served, and only the other track's time can tell that it is gone.
import type { Milliseconds } from '../protocols/units.js';
import type { MediaKind } from './timeline.js';

/** Longer than any pause the timeline takes for one. */
export const TRACK_TIMEOUT: Milliseconds = 5_000;
/** After a pause of both tracks the first one back must not declare the other gone. */
const MIN_FRAMES_OF_OTHER = 10;
/** So many frames are missed before a track that sends them seldom counts as gone. */
const MISSING_FRAMES = 1.5;
/** Of a track with one picture only nobody knows yet how seldom it sends them. */
const SLOWEST_INTERVAL: Milliseconds = 10_000;

export interface TrackChange {
  readonly kind: MediaKind;
  readonly present: boolean;
}

interface Presence {
  present: boolean;
  /** Stream time of its last frame. */
  last: Milliseconds;
  /** Frames of the other kind since. */
  othersSince: number;
  /** Between its last two frames; undefined before the second. */
  interval: Milliseconds | undefined;
}

export class TrackPresence {
  readonly #timeout: Milliseconds;
  readonly #onChange: (change: TrackChange) => void;
  readonly #tracks: Readonly<Record<MediaKind, Presence>> = {
    video: { present: false, last: 0, othersSince: 0, interval: undefined },
    audio: { present: false, last: 0, othersSince: 0, interval: undefined },
  };

  /** @param timeout media time of the other track */
  constructor(timeout: Milliseconds, onChange: (change: TrackChange) => void) {
    this.#timeout = timeout;
    this.#onChange = onChange;
  }

  isPresent(kind: MediaKind): boolean {
    return this.#tracks[kind].present;
  }

  /** A frame of this kind is about to be handed out. */
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

  /** A slow source, of one picture in ten seconds perhaps, is not gone between two of them. */
  #timeoutOf(kind: MediaKind): Milliseconds {
    const expected = this.#tracks[kind].interval ?? (kind === 'video' ? SLOWEST_INTERVAL : 0);
    return Math.max(this.#timeout, MISSING_FRAMES * Math.min(expected, SLOWEST_INTERVAL));
  }
}
