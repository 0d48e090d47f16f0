// The one place that knows the 32-bit wrap: every later stage gets timestamps that only ever grow.
import type { Milliseconds } from '../protocols/units.js';

export type MediaKind = 'video' | 'audio';

/** Where the first media frame lands: audio that starts a little earlier than the video stays positive. */
export const TIMELINE_ORIGIN: Milliseconds = 1_000;
/** What is earlier than the first frame by more than this comes before the beginning of the timeline. */
const MAX_LEAD_IN: Milliseconds = 1_000;
/** A step further than this is a jump of the publisher's clock (or one odd timestamp), not a pause. */
export const MAX_STEP: Milliseconds = 5_000;
/**
 * A frame this far behind the last one of its kind is out of order or shaken by the network. Further back it is a jump: to
 * wait until the clock has caught up would squeeze seconds of frames into nothing.
 */
const MAX_LATENESS: Milliseconds = 1_500;
/** So many frames in a row have to agree before a jump is believed. */
const FRAMES_TO_BELIEVE = 3;
/** Kinds that come together are sent this far apart by encoders. */
const APART: Milliseconds = 300;
/** Until a track has shown its own frame interval. */
const DEFAULT_INTERVAL: Readonly<Record<MediaKind, Milliseconds>> = { video: 33, audio: 21 };
/** A longer distance between frames is a pause and says nothing about the frame interval. */
const MAX_INTERVAL: Milliseconds = 1_000;
/** Frame interval = the mean over so many: shaken timestamps must not look like another frame rate. */
const INTERVAL_FRAMES = 16;

export interface TimelineOptions {
  /** Stream time of the first frame, rounded up to a whole millisecond. Default `TIMELINE_ORIGIN`. */
  readonly origin?: Milliseconds;
}

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
  /** Last wire timestamp of this kind that its clock took, unwrapped. */
  wire: Milliseconds;
  /** Last stream time given out. */
  last: Milliseconds | undefined;
  /** The last wire timestamps without a pause or a jump between, unwrapped, oldest first. */
  run: Milliseconds[];
  interval: Milliseconds;
  /** Wire timestamps far from every clock we know, which may become a clock of their own. */
  suspect: { reference: Milliseconds; frames: number } | undefined;
}

export class Timeline {
  readonly #origin: Milliseconds;
  readonly #tracks: Readonly<Record<MediaKind, Track>> = { video: newTrack('video'), audio: newTrack('audio') };
  #repaired = 0;
  #discontinuities = 0;

  constructor({ origin = TIMELINE_ORIGIN }: TimelineOptions = {}) {
    this.#origin = Math.ceil(origin);
  }

  /** Frames whose timestamp could not be used as it came. */
  get repaired(): number {
    return this.#repaired;
  }

  get discontinuities(): number {
    return this.#discontinuities;
  }

  /** No frame is earlier: at most a second before the origin, and never negative. */
  get #floor(): Milliseconds {
    return Math.max(0, this.#origin - MAX_LEAD_IN);
  }

  /**
   * Stream time of one frame. Sequence headers must not come here: encoders send them at 0 whatever the time is.
   * @param wire RTMP timestamp as received, 0..2^32 - 1; encoders that mask to 31 bits are recognised
   * @returns undefined for a frame before the beginning of the timeline: one kind started much earlier than the other
   */
  map(kind: MediaKind, wire: Milliseconds): TimelinePoint | undefined {
    const track = this.#tracks[kind];
    const other = this.#tracks[kind === 'video' ? 'audio' : 'video'];
    if (track.clock === undefined && other.clock === undefined) {
      track.clock = { reference: wire, offset: this.#origin - wire };
    }
    // Its own clock first; when it has left that, the clock the other kind may have moved to already.
    for (const clock of [track.clock, other.clock]) {
      if (clock === undefined) continue;
      // The other kind may be sent seconds before or after it: its own last frame counts as well.
      const base = track.clock === clock ? nearest(wire, track.wire, clock.reference) : clock.reference;
      const step = signedStep(wire, base);
      const time = base + step + clock.offset;
      if (Math.abs(step) > MAX_STEP) continue;
      if (track.last !== undefined && track.last - time > MAX_LATENESS) continue;
      this.#follow(track, clock, base + step);
      if (track.last === undefined && time < this.#floor) return undefined;
      return { dts: this.#emit(track, time), discontinuity: false };
    }
    return this.#suspect(track, other, wire);
  }

  /** Where a wire timestamp is on the clock of this kind, without moving it; undefined when it is far from that. */
  at(kind: MediaKind, wire: Milliseconds): Milliseconds | undefined {
    const { clock } = this.#tracks[kind];
    if (clock === undefined) return undefined;
    const step = signedStep(wire, clock.reference);
    return Math.abs(step) > MAX_STEP ? undefined : clock.reference + step + clock.offset;
  }

  /** Stream time for what has none of its own (sequence headers, metadata): the last frame's, 0 before the first. */
  position(kind?: MediaKind): Milliseconds {
    if (kind !== undefined) return this.#tracks[kind].last ?? 0;
    return Math.max(this.#tracks.video.last ?? 0, this.#tracks.audio.last ?? 0);
  }

  #follow(track: Track, clock: Clock, reference: Milliseconds): void {
    clock.reference = reference;
    if (track.clock !== clock || Math.abs(clock.reference - track.wire) > MAX_INTERVAL) track.run = [];
    track.clock = clock;
    track.wire = clock.reference;
    track.suspect = undefined;
    const { run } = track;
    run.push(track.wire);
    if (run.length > INTERVAL_FRAMES) run.shift();
    const elapsed = track.wire - (run[0] ?? track.wire);
    if (elapsed > 0) track.interval = Math.max(1, Math.round(elapsed / (run.length - 1)));
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
    // The step over this frame is not one frame's.
    track.run = [];
    const believed = track.suspect;
    const isBelieved = believed !== undefined && believed.frames >= FRAMES_TO_BELIEVE;
    let next = track.last === undefined ? (other.last ?? this.#origin) : track.last + track.interval;
    // A new clock says nothing about the other kind, which may have gone on while this one was away: what comes together is together.
    if (isBelieved && other.last !== undefined && other.last - next > APART) next = other.last;
    track.last = next;
    if (!isBelieved) return { dts: next, discontinuity: false };
    // A track that only now shows its clock has nothing that it could break with.
    const discontinuity = track.clock !== undefined;
    const clock = { reference: believed.reference, offset: next - believed.reference };
    // One odd step forward and back, while the other kind went on as before: both move, or they would lose each other.
    if (other.clock !== undefined && other.clock === track.clock && isNear(believed.reference, other.wire)) {
      other.clock = clock;
      other.wire = believed.reference;
    }
    this.#follow(track, clock, clock.reference);
    if (discontinuity) this.#discontinuities += 1;
    return { dts: next, discontinuity };
  }

  /**
   * Strictly later than the frame before, as muxers demand. What is not goes on at half the pace until the clock has caught
   * up: frames a millisecond apart would be a burst no player and no encoder shows.
   */
  #emit(track: Track, time: Milliseconds): Milliseconds {
    const { last } = track;
    if (last !== undefined && time <= last) {
      this.#repaired += 1;
      track.last = last + Math.max(1, track.interval >> 1);
      return track.last;
    }
    track.last = time;
    return time;
  }
}

function newTrack(kind: MediaKind): Track {
  return {
    clock: undefined,
    wire: 0,
    last: undefined,
    run: [],
    interval: DEFAULT_INTERVAL[kind],
    suspect: undefined,
  };
}

/** Which of two earlier wire timestamps it is a shorter way from. */
function nearest(wire: Milliseconds, a: Milliseconds, b: Milliseconds): Milliseconds {
  return Math.abs(signedStep(wire, a)) <= Math.abs(signedStep(wire, b)) ? a : b;
}

function isNear(a: Milliseconds, b: Milliseconds): boolean {
  return Math.abs(signedStep(a, b)) <= MAX_LATENESS / 3;
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
