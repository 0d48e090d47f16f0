// Maps wire timestamps to the stream's timeline. This is the only place that handles the 32-bit wrap: later stages get timestamps that only
// increase.
import type { Milliseconds } from '../protocols/units.js';
import { ArrivalClock } from './arrival-clock.js';
import { TrackJoin } from './track-join.js';

export type MediaKind = 'video' | 'audio';

/** Stream time of the first media frame. It is above 0, so that audio that starts a little earlier than the video has no negative time. */
export const TIMELINE_ORIGIN: Milliseconds = 1_000;
/** A frame that is earlier than the first one by more than this lies before the start of the timeline. */
const MAX_LEAD_IN: Milliseconds = 1_000;
/** A larger step is a jump of the publisher's clock (or a single bad timestamp), not a pause. */
const MAX_STEP: Milliseconds = 5_000;
/**
 * A frame at most this far behind the last one of its kind is out of order or has network jitter. A frame further back is a jump of the
 * clock. Stream time cannot go back: if such a step were no jump, all frames until the clock has caught up would get almost the same stream
 * time.
 */
const MAX_LATENESS: Milliseconds = 1_500;
/** This many consecutive frames must agree before a jump is accepted. */
const FRAMES_TO_BELIEVE = 3;
/** Digital signage sends one picture in ten seconds, and one of them may be missing. */
const SLOWEST_INTERVAL: Milliseconds = 20_000;
/** A picture of such a sender may arrive this much earlier or later than its timestamp says. */
const ARRIVAL_TOLERANCE: Milliseconds = 2_000;
/** Encoders send audio and video of the same time at most this long after each other. */
const APART: Milliseconds = 300;
/** Used until a track has shown its own frame interval. */
const DEFAULT_INTERVAL: Readonly<Record<MediaKind, Milliseconds>> = { video: 33, audio: 21 };
/** A longer distance between frames is a pause and does not show the frame interval. */
const MAX_INTERVAL: Milliseconds = 1_000;
/** The frame interval is averaged over this many frames, so that jitter does not look like another frame rate. */
const INTERVAL_FRAMES = 16;

export interface TimelineOptions {
  /** Stream time of the first frame, rounded up to a whole millisecond. Default `TIMELINE_ORIGIN`. */
  readonly origin?: Milliseconds;
  /** Monotonic clock for the arrival of frames. Without it a step of more than 5 s, or 1.5 s back, is a jump, however long it took. */
  readonly now?: (() => Milliseconds) | undefined;
  /** Called for what has to be told to the publisher. */
  readonly repair?: ((kind: 'stuck-timestamps' | 'tracks-apart') => void) | undefined;
}

export interface TimelinePoint {
  readonly dts: Milliseconds;
  /** Whether the publisher's clock has jumped, and this is the first frame mapped with the new offset. */
  readonly discontinuity: boolean;
}

/** A run of wire timestamps without a jump. Audio and video share it, which keeps them in sync. */
interface WireClock {
  /** Last wire timestamp, unwrapped. */
  reference: Milliseconds;
  /** Stream time minus unwrapped wire time. */
  readonly offset: Milliseconds;
}

interface Track {
  clock: WireClock | undefined;
  /** Last wire timestamp of this kind that was consistent with its clock, unwrapped. */
  wire: Milliseconds;
  /** Last stream time assigned. */
  last: Milliseconds | undefined;
  /** The last wire timestamps without a pause or jump between them, unwrapped, oldest first. */
  run: Milliseconds[];
  interval: Milliseconds;
  /** Timestamp and arrival of the last frame, even if its timestamp was not believed. */
  seen: { readonly wire: Milliseconds; readonly at: Milliseconds } | undefined;
  /** Wire time between the last two frames; undefined before the second frame. */
  step: Milliseconds | undefined;
  /** Wire timestamps far from every known clock, which may turn out to be a new clock. */
  suspect: { reference: Milliseconds; frames: number } | undefined;
}

export class Timeline {
  readonly #origin: Milliseconds;
  readonly #now: (() => Milliseconds) | undefined;
  readonly #arrivals: ArrivalClock;
  readonly #join = new TrackJoin();
  readonly #repair: TimelineOptions['repair'];
  readonly #tracks: Readonly<Record<MediaKind, Track>> = { video: newTrack('video'), audio: newTrack('audio') };
  #repaired = 0;
  #discontinuities = 0;

  constructor({ origin = TIMELINE_ORIGIN, now, repair }: TimelineOptions = {}) {
    this.#origin = Math.ceil(origin);
    this.#now = now;
    this.#repair = repair;
    this.#arrivals = new ArrivalClock(() => repair?.('stuck-timestamps'));
  }

  /** Number of frames whose timestamp had to be corrected. */
  get repaired(): number {
    return this.#repaired;
  }

  get discontinuities(): number {
    return this.#discontinuities;
  }

  /** No frame gets an earlier time than this: at most a second before the origin, and never negative. */
  #floor(): Milliseconds {
    return Math.max(0, this.#origin - MAX_LEAD_IN);
  }

  /**
   * Maps one frame to stream time. Do not call it for sequence headers: encoders send them with timestamp 0 at any time.
   * @param wire RTMP timestamp as received, 0..2^32 - 1; encoders that mask to 31 bits are recognised
   * @returns undefined for a frame before the start of the timeline, which happens if one kind of media started much earlier than the other
   */
  map(kind: MediaKind, wire: Milliseconds): TimelinePoint | undefined {
    const track = this.#tracks[kind];
    const other = this.#tracks[kind === 'video' ? 'audio' : 'video'];
    // A track alone cannot be apart from another one.
    if (other.last === undefined) return this.#place(kind, track, other, wire);
    const shifted = this.#shift(track, this.#join.takeShift(kind));
    const point = this.#place(kind, track, other, wire);
    if (point === undefined) return undefined;
    this.#join.note(kind, point.dts, !shifted && !point.discontinuity);
    return shifted ? { dts: point.dts, discontinuity: true } : point;
  }

  /** Stream time of a data message, by the clock of the pictures or else of the sound; if it matches neither, that of the newest frame. */
  moment(wire: Milliseconds): Milliseconds {
    for (const { clock } of [this.#tracks.video, this.#tracks.audio]) {
      const step = clock === undefined ? 0 : signedStep(wire, clock.reference);
      if (clock !== undefined && Math.abs(step) <= MAX_STEP) return Math.max(0, clock.reference + step + clock.offset);
    }
    return this.position();
  }

  /** Moves the later frames of a track that has fallen behind the other one. */
  #shift(track: Track, by: Milliseconds): boolean {
    if (by === 0 || track.clock === undefined) return false;
    track.clock = { reference: track.clock.reference, offset: track.clock.offset + by };
    this.#discontinuities += 1;
    this.#repair?.('tracks-apart');
    return true;
  }

  #place(kind: MediaKind, track: Track, other: Track, wire: Milliseconds): TimelinePoint | undefined {
    if (this.#now === undefined) return this.#map(track, other, wire, undefined);
    const at = this.#now();
    const { clock, last, seen, interval } = track;
    const placed = clock === undefined || last === undefined ? wire : last - clock.offset;
    const time = this.#arrivals.correct(kind, { wire, at }, { placed, interval });
    track.seen = { wire: time, at };
    return this.#map(track, other, time, seen);
  }

  #map(track: Track, other: Track, wire: Milliseconds, before: Track['seen']): TimelinePoint | undefined {
    if (track.clock === undefined && other.clock === undefined) {
      track.clock = { reference: wire, offset: this.#origin - wire };
    }
    // Try the clock of this kind first; if it does not match, the other kind may already have moved to a new clock.
    for (const clock of [track.clock, other.clock]) {
      if (clock === undefined) continue;
      // The other kind may be sent seconds earlier or later, so the last frame of this kind is compared too.
      const base = track.clock === clock ? nearest(wire, track.wire, clock.reference) : clock.reference;
      const step = signedStep(wire, base);
      const time = base + step + clock.offset;
      if (Math.abs(step) > MAX_STEP) continue;
      if (track.last !== undefined && track.last - time > MAX_LATENESS) continue;
      this.#follow(track, clock, base + step);
      if (track.last === undefined && time < this.#floor()) return undefined;
      return { dts: this.#emit(track, time), discontinuity: false };
    }
    if (track.clock !== undefined && this.#isSlow(track, wire, before)) {
      this.#follow(track, track.clock, track.wire + signedStep(wire, track.wire));
      return { dts: this.#emit(track, track.wire + track.clock.offset), discontinuity: false };
    }
    return this.#mapUnknown(track, other, wire);
  }

  /** Whether the track sends a frame only every few seconds, and the time between the last two arrivals agrees with their timestamps. */
  #isSlow(track: Track, wire: Milliseconds, before: Track['seen']): boolean {
    if (before === undefined || track.seen === undefined) return false;
    const step = signedStep(wire, before.wire);
    // Encoders may send their first two pictures together: then the second timestamp is not believed, but later ones are.
    const isAhead = signedStep(wire, track.wire) <= 2 * SLOWEST_INTERVAL;
    if (step <= MAX_STEP || step > SLOWEST_INTERVAL || !isAhead) return false;
    const isSlow = track.step === undefined ? track.last !== undefined : track.step >= MAX_INTERVAL;
    return isSlow && Math.abs(track.seen.at - before.at - step) <= ARRIVAL_TOLERANCE;
  }

  /** Stream time of a wire timestamp on the clock of this kind, without changing the clock; undefined if it is far from it. */
  at(kind: MediaKind, wire: Milliseconds): Milliseconds | undefined {
    const { clock, last } = this.#tracks[kind];
    if (clock === undefined) return undefined;
    if (this.#arrivals.replaces(kind)) return last;
    const step = signedStep(wire, clock.reference);
    return Math.abs(step) > MAX_STEP ? undefined : clock.reference + step + clock.offset;
  }

  /** Stream time for messages without a time of their own (sequence headers, metadata): that of the last frame, 0 before the first. */
  position(kind?: MediaKind): Milliseconds {
    if (kind !== undefined) return this.#tracks[kind].last ?? 0;
    return Math.max(this.#tracks.video.last ?? 0, this.#tracks.audio.last ?? 0);
  }

  #follow(track: Track, clock: WireClock, reference: Milliseconds): void {
    clock.reference = reference;
    if (track.clock === clock && track.last !== undefined) track.step = reference - track.wire;
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

  /** Handles a timestamp that matches no known clock. A single one is replaced; several that agree are the publisher's new clock. */
  #mapUnknown(track: Track, other: Track, wire: Milliseconds): TimelinePoint {
    const { suspect } = track;
    const step = suspect === undefined ? undefined : signedStep(wire, suspect.reference);
    if (suspect !== undefined && step !== undefined && Math.abs(step) <= MAX_STEP) {
      suspect.reference += step;
      suspect.frames += 1;
    } else {
      track.suspect = { reference: wire, frames: 1 };
    }
    this.#repaired += 1;
    // The step across this frame is not one frame interval.
    track.run = [];
    const believed = track.suspect;
    const isBelieved = believed !== undefined && believed.frames >= FRAMES_TO_BELIEVE;
    let next = track.last === undefined ? (other.last ?? this.#origin) : track.last + track.interval;
    // The other kind may have continued while this one was away. Media that arrives together belongs together, so this kind continues at
    // the time of the other.
    if (isBelieved && other.last !== undefined && other.last - next > APART) next = other.last;
    track.last = next;
    if (!isBelieved) return { dts: next, discontinuity: false };
    // The first clock of a track is not a discontinuity.
    const discontinuity = track.clock !== undefined;
    const clock = { reference: believed.reference, offset: next - believed.reference };
    // This kind jumped a little forward on the common clock and is now back beside the other kind, which never jumped. Its stream time
    // cannot go back, so both kinds move to the new clock; otherwise they would be out of sync.
    if (other.clock !== undefined && other.clock === track.clock && isNear(believed.reference, other.wire)) {
      other.clock = clock;
      other.wire = believed.reference;
    }
    this.#follow(track, clock, clock.reference);
    if (discontinuity) this.#discontinuities += 1;
    return { dts: next, discontinuity };
  }

  /**
   * Assigns a time strictly later than that of the previous frame, as muxers require. A frame that is not later advances at half the frame
   * interval until the clock has caught up: frames one millisecond apart would be a burst that no player or encoder can show.
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
    seen: undefined,
    step: undefined,
    suspect: undefined,
  };
}

/** The one of the two earlier wire timestamps that is nearer to `wire`. */
function nearest(wire: Milliseconds, a: Milliseconds, b: Milliseconds): Milliseconds {
  return Math.abs(signedStep(wire, a)) <= Math.abs(signedStep(wire, b)) ? a : b;
}

function isNear(a: Milliseconds, b: Milliseconds): boolean {
  return Math.abs(signedStep(a, b)) <= MAX_LATENESS / 3;
}

/**
 * The shortest step from `reference` to a wire timestamp, in the serial arithmetic modulo 2^32 of RTMP 1.0 section 3. If the step is too
 * large, it is also tried modulo 2^31: some encoders mask timestamps to the 31 bits that FLV has besides the sign.
 */
function signedStep(wire: Milliseconds, reference: Milliseconds): Milliseconds {
  const step = (wire - reference) | 0;
  if (Math.abs(step) <= MAX_STEP) return step;
  const masked = (step << 1) >> 1;
  return Math.abs(masked) <= MAX_STEP ? masked : step;
}
