// A publisher and an encoder without real pictures, for fast tests of playlists when either of them fails.
import type { Presentation } from '../../src/hls/presentation.js';
import { writeFragment } from '../../src/protocols/mp4/fragment-writer.js';
import { parseInitSegment } from '../../src/protocols/mp4/init-segment.js';
import type { ManualClock } from '../support/manual-clock.js';

export const FRAME_MS = 40;
const AUDIO_FRAME_MS = 1024 / 48;
const PART_FRAMES = 12;

interface Frame {
  readonly dts: number;
  readonly key: boolean;
}

/** Output of one FFmpeg on the pipe of one encoded rung: a fragment is written when the frame after it comes. */
class Encoder {
  readonly #init: Buffer;
  readonly #trackId: number;
  readonly #timescale: number;
  #frames: Frame[] = [];
  #begun = false;
  #sequence = 0;

  constructor(init: Buffer) {
    this.#init = init;
    const track = parseInitSegment(init);
    this.#trackId = track.trackId;
    this.#timescale = track.timescale;
  }

  encode(frame: Frame): Buffer[] {
    const out: Buffer[] = [];
    if (!this.#begun) out.push(this.#init);
    this.#begun = true;
    if (this.#frames.length > 0 && (frame.key || this.#frames.length === PART_FRAMES)) out.push(this.#flush(frame.dts));
    this.#frames.push(frame);
    return out;
  }

  drain(): Buffer[] {
    const last = this.#frames.at(-1);
    return last === undefined ? [] : [this.#flush(last.dts + FRAME_MS)];
  }

  #flush(until: number): Buffer {
    const frames = this.#frames;
    this.#frames = [];
    const ticks = (ms: number): number => Math.round((ms * this.#timescale) / 1000);
    return writeFragment({
      sequenceNumber: ++this.#sequence,
      trackId: this.#trackId,
      baseMediaDecodeTime: ticks(frames[0]?.dts ?? 0),
      samples: frames.map(({ dts, key }, i) => ({
        duration: ticks(frames[i + 1]?.dts ?? until) - ticks(dts),
        cts: 0,
        sync: key,
        data: Buffer.from('rung'),
      })),
    });
  }
}

export interface SyntheticOptions {
  readonly presentation: Presentation;
  readonly clock: ManualClock;
  readonly inits: { readonly video: Buffer; readonly audio: Buffer; readonly rung: Buffer };
  readonly onStep: () => void;
  /** Called when FFmpeg is drained: media that it did not finish will not come. */
  readonly onLeave?: () => void;
  /** Default: yes. */
  readonly audio?: boolean;
}

/** Renditions `source` and `audio` of samples, `120p` from a pipe. */
export class SyntheticStream {
  readonly #options: SyntheticOptions;
  /** Frames per GOP. */
  gop = 50;
  /** Number of frames by which the encoder is behind. */
  lag = 3;
  /** Real time in which the media of one frame comes. */
  pace = FRAME_MS;
  audio: boolean;
  rung = true;
  /** Whether the encoder is stopped: it reads, and writes nothing. */
  stalled = false;
  #video = 1000;
  #sound = 1000;
  #count = 0;
  #encoder: Encoder;
  /** Frames since the last key frame, given again to an encoder that replaces another. */
  #sinceKey: Frame[] = [];
  /** All frames that encoders of this publisher were given. */
  #sent: Frame[] = [];
  #since = 1000;
  /** Whether the next frame must be a key frame, because it is the first one of an encoder. */
  #asksForKey = false;
  #queue: Frame[] = [];

  constructor(options: SyntheticOptions) {
    this.#options = options;
    this.audio = options.audio ?? true;
    this.#encoder = new Encoder(options.inits.rung);
    this.#describe();
  }

  /**
   * Publishes this many frames.
   * @param sound which sound comes between them; `alone`: it comes without them
   */
  play(frames: number, sound: 'as-ever' | 'silent' | 'alone' = 'as-ever'): void {
    const { presentation, clock, onStep } = this.#options;
    for (let i = 0; i < frames; i += 1) {
      if (sound !== 'alone') this.#takePicture();
      onStep();
      this.#count += 1;
      this.#video += FRAME_MS;
      clock.advance(this.pace);
      for (; this.audio && sound !== 'silent' && this.#sound < this.#video; this.#sound += AUDIO_FRAME_MS) {
        const dts = Math.round(this.#sound);
        const sample = { dts, cts: 0, sync: true, data: Buffer.from('sound') };
        presentation.take({ role: 'audio', mayCut: false, rendition: 'audio', ...sample });
        onStep();
      }
    }
  }

  #takePicture(): void {
    const frame = { dts: this.#video, key: this.#count % this.gop === 0 };
    const sample = { dts: frame.dts, cts: 0, sync: frame.key, data: Buffer.from('frame') };
    this.#options.presentation.take({ role: 'video', mayCut: frame.key, rendition: 'source', ...sample });
    this.#encode(frame);
  }

  /** FFmpeg dies. Its successor gets the next frames from a key frame on, and none of the frames that the dead one had. */
  killEncoder(): void {
    this.#options.presentation.pipesRestarted(['120p'], Number.POSITIVE_INFINITY);
    this.#options.onStep();
    this.#encoder = new Encoder(this.#options.inits.rung);
    this.#queue = [...this.#sinceKey];
  }

  /** FFmpeg dies. Its successor gets the same frames again, and encodes those that are not in the playlist, beginning with a key frame. */
  replaceEncoder(): void {
    const { presentation, inits, onStep } = this.#options;
    const end = (presentation.anyRendition('120p')?.end ?? 0) * 1000;
    presentation.pipesRestarted(['120p'], this.#since);
    onStep();
    this.#encoder = new Encoder(inits.rung);
    const [first, ...rest] = this.#sent.filter(({ dts }) => dts > end - FRAME_MS / 2);
    this.#queue = first === undefined ? [] : [{ ...first, key: true }, ...rest];
    this.#asksForKey = first === undefined;
  }

  /** The publisher leaves, and FFmpeg is drained. */
  suspend(drain = true): void {
    const { presentation, onStep, onLeave } = this.#options;
    if (drain && this.rung && !this.stalled) {
      for (const frame of this.#queue.splice(0)) this.#write(this.#encoder.encode(frame));
      this.#write(this.#encoder.drain());
    }
    onLeave?.();
    presentation.suspend();
    onStep();
  }

  /** A publisher continues the timeline, after `startPeriod` was called. */
  resume(origin: number): void {
    this.#video = origin;
    this.#sound = origin;
    this.#count = 0;
    this.#since = origin;
    this.#sinceKey = [];
    this.#sent = [];
    this.#asksForKey = false;
    this.#queue = [];
    this.#encoder = new Encoder(this.#options.inits.rung);
    this.#describe();
    this.#options.onStep();
  }

  #describe(): void {
    const { presentation, inits } = this.#options;
    presentation.setTrack('source', inits.video);
    if (this.audio) presentation.setTrack('audio', inits.audio);
  }

  #encode(frame: Frame): void {
    if (frame.key) this.#sinceKey = [];
    this.#sinceKey.push(frame);
    if (!this.rung) return;
    this.#sent.push(frame);
    this.#queue.push(this.#asksForKey ? { ...frame, key: true } : frame);
    this.#asksForKey = false;
    if (this.stalled) return;
    while (this.#queue.length > this.lag) {
      const next = this.#queue.shift();
      if (next !== undefined) this.#write(this.#encoder.encode(next));
    }
  }

  #write(outputs: readonly Buffer[]): void {
    for (const bytes of outputs) this.#options.presentation.write('120p', bytes);
    if (outputs.length > 0) this.#options.onStep();
  }
}
