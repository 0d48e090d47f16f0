// The one place that knows the 32-bit wrap: every later stage gets timestamps that only ever grow.
import type { Milliseconds } from '../protocols/units.js';

export type MediaKind = 'video' | 'audio';

/** Where the first media frame lands: audio that starts a little earlier than the video stays positive. */
export const TIMELINE_ORIGIN: Milliseconds = 1_000;
/** A step further than this is a jump of the publisher's clock (or one odd timestamp), not a pause. */
export const MAX_STEP: Milliseconds = 5_000;
/** So many frames in a row have to agree before a jump is believed. */
export const FRAMES_TO_BELIEVE = 3;
/** Until a track has shown its own frame interval. */
const DEFAULT_INTERVAL: Readonly<Record<MediaKind, Milliseconds>> = { video: 33, audio: 21 };
/** A longer distance between frames is a pause and says nothing about the frame interval. */
const MAX_INTERVAL: Milliseconds = 1_000;

export interface TimelinePoint {
  readonly dts: Milliseconds;
  /** The publisher's clock was found to have jumped, and this is the first frame mapped by its new base. */
  readonly discontinuity: boolean;
}

/** A run of wire timestamps without a jump. Audio and video share it, which is what keeps them in sync. */
interface Clock {
  /** Last wire timestamp, unwrapped. */
  reference: Milliseconds;
  /** Stream time minus unwrapped wire time. */
  readonly offset: Milliseconds;
}

interface Track {
  clock: Clock | undefined;
  /** Last stream time given out. */
  last: Milliseconds | undefined;
  interval: Milliseconds;
  /** Wire timestamps far from every clock we know, which may become a clock of their own. */
  suspect: { reference: Milliseconds; frames: number } | undefined;
}

export interface TimelineOptions {
  /** Stream time of the first frame. Default `TIMELINE_ORIGIN`. */
  readonly origin?: Milliseconds;
}

export class Timeline {
  readonly #origin: Milliseconds;
  readonly #tracks: Readonly<Record<MediaKind, Track>> = { video: newTrack('video'), audio: newTrack('audio') };
  #repaired = 0;
  #discontinuities = 0;

  constructor({ origin = TIMELINE_ORIGIN }: TimelineOptions = {}) {
    this.#origin = origin;
  }

  /** Frames whose timestamp could not be used as it came. */
  get repaired(): number {
    return this.#repaired;
  }

  get discontinuities(): number {
    return this.#discontinuities;
  }

  /**
   * Stream time of one frame. Sequence headers must not come here: encoders send them at 0 whatever the time is.
   * @param wire RTMP timestamp as received, 0..2^32 - 1; encoders that mask to 31 bits are recognised
   */
  map(kind: MediaKind, wire: Milliseconds): TimelinePoint {
    const track = this.#tracks[kind];
    const other = this.#tracks[kind === 'video' ? 'audio' : 'video'];
    if (track.clock === undefined && other.clock === undefined) {
      track.clock = { reference: wire, offset: this.#origin - wire };
    }
    // Its own clock first; when it has left that, the clock the other kind may have moved to already.
    for (const clock of [track.clock, other.clock]) {
      if (clock === undefined) continue;
      const step = signedStep(wire, clock.reference);
      if (Math.abs(step) > MAX_STEP) continue;
      clock.reference += step;
      track.clock = clock;
      track.suspect = undefined;
      return { dts: this.#emit(track, clock.reference + clock.offset), discontinuity: false };
    }
    return this.#suspect(track, other, wire);
  }

  /** Stream time for what has none of its own (sequence headers, metadata): the last frame's, 0 before the first. */
  position(kind?: MediaKind): Milliseconds {
    if (kind !== undefined) return this.#tracks[kind].last ?? 0;
    return Math.max(this.#tracks.video.last ?? 0, this.#tracks.audio.last ?? 0);
  }

  /** One odd timestamp is smoothed over; a few that agree are the publisher's new clock. */
  #suspect(track: Track, other: Track, wire: Milliseconds): TimelinePoint {
    const { suspect } = track;
    const step = suspect === undefined ? undefined : signedStep(wire, suspect.reference);
    if (suspect !== undefined && step !== undefined && Math.abs(step) <= MAX_STEP) {
      suspect.reference += step;
      suspect.frames += 1;
    } else {
      track.suspect = { reference: wire, frames: 1 };
    }
    this.#repaired += 1;
    const next = track.last === undefined ? (other.last ?? this.#origin) : track.last + track.interval;
    const believed = track.suspect;
    if (believed === undefined || believed.frames < FRAMES_TO_BELIEVE) {
      track.last = next;
      return { dts: next, discontinuity: false };
    }
    // A track that only now shows its clock has nothing that it could break with.
    const discontinuity = track.clock !== undefined;
    track.clock = { reference: believed.reference, offset: next - believed.reference };
    track.suspect = undefined;
    track.last = next;
    if (discontinuity) this.#discontinuities += 1;
    return { dts: next, discontinuity };
  }

  /** Strictly later than the frame before, as muxers demand, and never negative. */
  #emit(track: Track, time: Milliseconds): Milliseconds {
    const earliest = track.last === undefined ? 0 : track.last + 1;
    if (time < earliest) this.#repaired += 1;
    const dts = Math.max(time, earliest);
    if (track.last !== undefined && time > track.last && time - track.last <= MAX_INTERVAL) {
      track.interval = time - track.last;
    }
    track.last = dts;
    return dts;
  }
}

function newTrack(kind: MediaKind): Track {
  return { clock: undefined, last: undefined, interval: DEFAULT_INTERVAL[kind], suspect: undefined };
}

/**
 * The shortest way from `reference` to a wire timestamp, as RTMP 1.0 section 3 compares them (serial arithmetic mod 2^32).
 * A way longer than a step is measured mod 2^31 as well: some encoders mask, as FLV has 31 bits and a sign.
 */
function signedStep(wire: Milliseconds, reference: Milliseconds): Milliseconds {
  const step = (wire - reference) | 0;
  if (Math.abs(step) <= MAX_STEP) return step;
  const masked = (step << 1) >> 1;
  return Math.abs(masked) <= MAX_STEP ? masked : step;
}
