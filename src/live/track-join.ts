// Finds tracks that one step of a clock has put seconds apart. A network cannot do that: RTMP keeps the order in which an encoder sends.
import type { Milliseconds } from '../protocols/units.js';

type TrackKind = 'video' | 'audio';

/** Smaller steps are jitter, or frames that were dropped. */
const APART: Milliseconds = 1_500;
/** Both tracks must go on for this long as far apart as the step has put them. */
const CONFIRMED: Milliseconds = 1_500;
/** By how much the distance may vary meanwhile. An encoder that sends seconds of each track in turn varies more. */
const STEADY: Milliseconds = 500;

interface Suspicion {
  /** By how much the sound is now ahead of the pictures, compared to before; negative if it is behind. */
  readonly ahead: Milliseconds;
  /** Times of both tracks since then. */
  readonly video: Milliseconds;
  readonly audio: Milliseconds;
}

interface Track {
  /** Stream time of its last frame, and that of the other track at that moment. */
  last: Milliseconds | undefined;
  other: Milliseconds | undefined;
  /** The longest step since the other track's last frame. */
  leap: Milliseconds;
}

const newTrack = (): Track => ({ last: undefined, other: undefined, leap: 0 });

export class TrackJoin {
  readonly #tracks: Readonly<Record<TrackKind, Track>> = { video: newTrack(), audio: newTrack() };
  #suspicion: Suspicion | undefined;
  /** The track that is too early, and by how much its later frames have to be moved. */
  #due: { readonly kind: TrackKind; readonly by: Milliseconds } | undefined;

  /** How much later than its clock says this frame and all later ones of the track belong; nearly always 0. */
  takeShift(kind: TrackKind): Milliseconds {
    const due = this.#due;
    if (due?.kind !== kind) return 0;
    this.#due = undefined;
    return due.by;
  }

  /** @param continues whether the frame follows the previous one by the same clock */
  note(kind: TrackKind, dts: Milliseconds, continues: boolean): void {
    const track = this.#tracks[kind];
    const other = this.#tracks[kind === 'video' ? 'audio' : 'video'];
    const { last: before, other: otherThen } = track;
    const { last: otherNow, leap: otherLeap } = other;
    track.last = dts;
    track.other = otherNow;
    other.leap = 0;
    if (before === undefined || otherThen === undefined || otherNow === undefined) return;
    track.leap = Math.max(track.leap, dts - before);
    if (!continues) {
      this.#suspicion = undefined;
      return;
    }
    const step = dts - before - (otherNow - otherThen);
    // If the other track made a leap, it was looked at when it did.
    if (Math.abs(step) > APART && otherLeap < APART) this.#suspect(kind === 'audio' ? step : -step);
    else if (this.#suspicion !== undefined) this.#check(this.#suspicion);
  }

  #suspect(step: Milliseconds): void {
    const { video, audio } = this.#times();
    // The other track may have made the same step a little earlier.
    const ahead = (this.#suspicion?.ahead ?? 0) + step;
    this.#suspicion = Math.abs(ahead) > APART ? { ahead, video, audio } : undefined;
  }

  #check({ ahead, ...since }: Suspicion): void {
    const { video, audio } = this.#times();
    const [videoAdvance, audioAdvance] = [video - since.video, audio - since.audio];
    if (Math.abs(videoAdvance - audioAdvance) > STEADY) {
      this.#suspicion = undefined;
    } else if (Math.min(videoAdvance, audioAdvance) >= CONFIRMED) {
      this.#suspicion = undefined;
      // Stream time cannot go back, so the track that is behind moves.
      this.#due = { kind: ahead > 0 ? 'video' : 'audio', by: Math.abs(ahead) };
    }
  }

  #times(): { readonly video: Milliseconds; readonly audio: Milliseconds } {
    return { video: this.#tracks.video.last ?? 0, audio: this.#tracks.audio.last ?? 0 };
  }
}
