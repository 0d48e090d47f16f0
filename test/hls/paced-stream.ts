// A publisher at any pace, with tracks that pause, end, start late or lie apart, and an encoder of one rung. It makes no real pictures, so
// that thousands of events fit in a test.
import type { Presentation } from '../../src/hls/presentation.js';
import { writeFragment } from '../../src/protocols/mp4/fragment-writer.js';
import { parseInitSegment } from '../../src/protocols/mp4/init-segment.js';
import type { ManualClock } from '../support/manual-clock.js';

/** Beginning and end, in milliseconds since the first picture. */
export type Stretch = readonly [from: number, to: number];

export interface Pace {
  /** Frames per second. */
  readonly fps: number;
  /** Numbers of pictures in successive GOPs; the last number also applies to all later GOPs. */
  readonly gops: readonly number[];
  /** Whether every second picture is a B-frame. */
  readonly bFrames?: boolean;
  /** Duration of the pictures and of the sound, in milliseconds. */
  readonly length: { readonly video: number; readonly audio: number };
  /** During these stretches nothing of that kind is sent, while timestamps go on. */
  readonly pauses?: { readonly video?: readonly Stretch[]; readonly audio?: readonly Stretch[] };
  /** The sound of each stretch is sent at once at its end. */
  readonly soundBursts?: readonly Stretch[];
  /** How much earlier than its pictures sound is sent; negative for later. */
  readonly soundEarlier?: number;
}

interface Event {
  readonly at: number;
  readonly kind: 'video' | 'audio';
  readonly dts: number;
  readonly pts: number;
  readonly key: boolean;
}

const ORIGIN = 1_000;
const SOUND_FRAME = 1024 / 48;
/** Frames of an unfinished fragment, and frames inside the encoder. */
const HELD_SOUND = 6;

/** In order of arrival. */
export function eventsOf({
  fps,
  gops,
  bFrames = false,
  length,
  pauses = {},
  soundBursts = [],
  soundEarlier = 0,
}: Pace): Event[] {
  const frame = 1000 / fps;
  const events: Event[] = [];
  const isPaused = (kind: 'video' | 'audio', at: number): boolean =>
    (pauses[kind] ?? []).some(([from, to]) => at >= from && at < to);
  let [gop, inGop] = [0, 0];
  for (let i = 0; i * frame < length.video; i += 1) {
    const size = gops[Math.min(gop, gops.length - 1)] ?? 1;
    const key = inGop === 0;
    // I0 P2 B1 P4 B3 …, each shown one frame later than possible. The last picture of an even GOP is a P-frame.
    const isLastOdd = inGop === size - 1 && inGop % 2 === 1;
    const shown = !bFrames || inGop === 0 || isLastOdd ? inGop : inGop % 2 === 1 ? inGop + 1 : inGop - 1;
    const first = i - inGop;
    const dts = Math.round(ORIGIN + i * frame);
    const pts = Math.round(ORIGIN + (first + shown + (bFrames ? 1 : 0)) * frame);
    if (!isPaused('video', i * frame)) events.push({ at: i * frame, kind: 'video', dts, pts, key });
    inGop += 1;
    if (inGop === size) [gop, inGop] = [gop + 1, 0];
  }
  for (let at = 0; at < length.audio; at += SOUND_FRAME) {
    const dts = Math.round(ORIGIN + at);
    if (!isPaused('audio', at)) {
      const [, until = at] = soundBursts.find(([from, to]) => at >= from && at < to) ?? [];
      events.push({ at: until - soundEarlier, kind: 'audio', dts, pts: dts, key: true });
    }
  }
  return events.sort((a, b) => a.at - b.at);
}

export interface PacedOptions {
  readonly presentation: Presentation;
  readonly clock: ManualClock;
  readonly inits: { readonly video: Buffer; readonly audio: Buffer; readonly rung: Buffer };
  /** Whether the sound is encoded too, and comes from a pipe. */
  readonly encodedSound?: boolean;
  readonly onStep: () => void;
}

/** Publishes everything into `source`, `audio` and, if the plan has it, `120p`, whose encoder is drained at the end. */
export function publishPaced(
  pace: Pace,
  { presentation, clock, inits, encodedSound = false, onStep }: PacedOptions,
): void {
  const names = new Set(presentation.renditions.map(({ name }) => name));
  presentation.setTrack('source', inits.video);
  const soundEncoder = encodedSound ? new PacedSoundEncoder(inits.audio) : undefined;
  if (names.has('audio') && soundEncoder === undefined) presentation.setTrack('audio', inits.audio);
  const encoder = names.has('120p') ? new PacedEncoder(inits.rung, pace.fps) : undefined;
  const encode = (outputs: readonly Buffer[]): void => {
    for (const bytes of outputs) presentation.write('120p', bytes);
    if (outputs.length > 0) onStep();
  };
  let now = 0;
  for (const { at, kind, dts, pts, key } of eventsOf(pace)) {
    clock.advance(Math.max(0, at - now));
    now = Math.max(now, at);
    if (kind === 'video') {
      const frame = { dts, cts: pts - dts, sync: key, data: Buffer.from(`picture ${pts}`) };
      presentation.take({ role: 'video', mayCut: key, rendition: 'source', ...frame });
      encode(encoder?.encode({ dts, pts, key }) ?? []);
    } else {
      const frame = { dts, cts: 0, sync: true, data: Buffer.from(`sound ${dts}`) };
      presentation.take({
        role: 'audio',
        mayCut: false,
        rendition: names.has('audio') && soundEncoder === undefined ? 'audio' : undefined,
        ...frame,
      });
      for (const bytes of soundEncoder?.encode(dts) ?? []) presentation.write('audio', bytes);
    }
    onStep();
  }
  encode(encoder?.drain() ?? []);
  for (const bytes of soundEncoder?.drain() ?? []) presentation.write('audio', bytes);
}

/** Like FFmpeg with `aresample=async=1`: it holds some frames, and makes the silence of a pause when the sound goes on. */
class PacedSoundEncoder {
  readonly #init: Buffer;
  #frames: { readonly start: number; readonly data: Buffer }[] = [];
  #next: number | undefined;
  #sequence = 0;

  constructor(init: Buffer) {
    this.#init = init;
  }

  encode(dts: number): Buffer[] {
    const outputs = this.#next === undefined ? [this.#init] : [];
    const given = dts * 48;
    this.#next ??= given;
    for (; given - this.#next > 4_800; this.#next += 1024) this.#frames.push(this.#frame('filled'));
    this.#frames.push(this.#frame(`sound ${dts}`));
    this.#next += 1024;
    while (this.#frames.length > HELD_SOUND) outputs.push(this.#fragment(this.#frames.splice(0, 3)));
    return outputs;
  }

  drain(): Buffer[] {
    return this.#frames.length === 0 ? [] : [this.#fragment(this.#frames.splice(0))];
  }

  #frame(text: string): { readonly start: number; readonly data: Buffer } {
    return { start: this.#next ?? 0, data: Buffer.from(text) };
  }

  #fragment(frames: readonly { readonly start: number; readonly data: Buffer }[]): Buffer {
    return writeFragment({
      sequenceNumber: ++this.#sequence,
      trackId: parseInitSegment(this.#init).trackId,
      baseMediaDecodeTime: frames[0]?.start ?? 0,
      samples: frames.map(({ data }) => ({ duration: 1024, cts: 0, sync: true, data })),
    });
  }
}

/** Like FFmpeg: works in presentation order, and writes a fragment when the frame after it comes, also at each key frame. */
class PacedEncoder {
  readonly #init: Buffer;
  readonly #trackId: number;
  readonly #timescale: number;
  readonly #frame: number;
  readonly #perFragment: number;
  #reordered: { readonly pts: number; readonly key: boolean }[] = [];
  #frames: { readonly pts: number; readonly key: boolean }[] = [];
  #begun = false;
  #sequence = 0;

  constructor(init: Buffer, fps: number) {
    this.#init = init;
    const { trackId, timescale } = parseInitSegment(init);
    this.#trackId = trackId;
    this.#timescale = timescale;
    this.#frame = 1000 / fps;
    this.#perFragment = Math.max(1, Math.floor(0.5 * fps + 1e-6));
  }

  encode({ dts, pts, key }: { readonly dts: number; readonly pts: number; readonly key: boolean }): Buffer[] {
    this.#reordered.push({ pts, key });
    this.#reordered.sort((a, b) => a.pts - b.pts);
    const ready = this.#reordered.filter((frame) => frame.pts <= dts);
    this.#reordered = this.#reordered.filter((frame) => frame.pts > dts);
    return ready.flatMap((frame) => this.#add(frame));
  }

  drain(): Buffer[] {
    const outputs = this.#reordered.splice(0).flatMap((frame) => this.#add(frame));
    const last = this.#frames.at(-1);
    return last === undefined ? outputs : [...outputs, this.#flush(last.pts + this.#frame)];
  }

  #add(frame: { readonly pts: number; readonly key: boolean }): Buffer[] {
    const outputs: Buffer[] = [];
    if (!this.#begun) outputs.push(this.#init);
    this.#begun = true;
    const begins = frame.key || this.#frames.length >= this.#perFragment;
    if (this.#frames.length > 0 && begins) outputs.push(this.#flush(frame.pts));
    this.#frames.push(frame);
    return outputs;
  }

  #flush(until: number): Buffer {
    const frames = this.#frames.splice(0);
    const ticks = (ms: number): number => Math.round((ms * this.#timescale) / 1000);
    return writeFragment({
      sequenceNumber: ++this.#sequence,
      trackId: this.#trackId,
      baseMediaDecodeTime: ticks(frames[0]?.pts ?? 0),
      samples: frames.map(({ pts, key }, i) => ({
        duration: ticks(frames[i + 1]?.pts ?? until) - ticks(pts),
        cts: 0,
        sync: key,
        data: Buffer.from(`picture ${pts}`),
      })),
    });
  }
}
