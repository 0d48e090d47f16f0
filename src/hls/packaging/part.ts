// A part of a track: its media, its place on the timeline, and how it is made from collected samples.
import type { FragmentToWrite } from '../../protocols/mp4/fragment-writer.js';
import { writeFragmentPieces } from '../../protocols/mp4/fragment-writer.js';
import type { Milliseconds, Seconds, Ticks } from '../../protocols/units.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';

/** One or several moof+mdat. They stay several buffers until somebody requests the part as a whole, which happens to few parts. */
export class PartBody {
  #pieces: readonly Buffer[];
  /** Bytes. */
  readonly length: number;

  constructor(pieces: readonly Buffer[]) {
    this.#pieces = pieces;
    this.length = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** The buffers must not be modified. */
  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  /** All bytes in one buffer; the same at each call. */
  whole(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const whole = Buffer.concat(this.#pieces, this.length);
    this.#pieces = [whole];
    return whole;
  }

  /** Call after copying the same bytes into `whole`. From then on the body refers to that copy. */
  moveTo(whole: Buffer): void {
    this.#pieces = [whole];
  }
}

/** One coded frame of the publisher. */
export interface MediaSample {
  /** Decode time on the stream timeline, increasing. */
  readonly dts: Milliseconds;
  /** Presentation time minus decode time. */
  readonly cts: Milliseconds;
  /** Decoding can start here. Always true for audio. */
  readonly sync: boolean;
  /** As stored in `mdat`. Kept until its part is written, at most for a part duration. */
  readonly data: Buffer;
  /** PCM samples in an audio frame. Default: according to the init segment. */
  readonly sampleCount?: number | undefined;
}

/** One part with its place on the timeline, before it gets its number. */
export interface MadePart {
  readonly body: PartBody;
  /** Whether the body consists of views of larger buffers, which must not be kept for as long as the segment. */
  readonly shared: boolean;
  /** Index of its segment in the cut schedule. */
  readonly segmentIndex: number;
  /** Media time of the first sample, on the stream timeline. */
  readonly start: Seconds;
  readonly duration: Seconds;
  /** Where its media ends. Later than `start + duration` if its last frame lasts longer than PART-TARGET allows `duration` to be. */
  readonly end: Seconds;
  /** Decoding can start here: INDEPENDENT=YES. */
  readonly independent: boolean;
  /** Number of bytes up to the end of the first sample, if that is a picture that can be decoded alone; otherwise undefined. */
  readonly keyFrameBytes?: number | undefined;
  /** Whether the next cut is at its end, so that the segment is complete. */
  readonly completes: boolean;
  /** Whether media of the same segment after this part already exists, so that no cut is at its end, whatever the usual GOP length is. */
  readonly continues: boolean;
}

/** A receiver of the parts of one track: a rendition. */
export interface PartSink {
  accept(part: MadePart): void;
  /** Says that no further part of this segment comes: its last part was emitted before the cut was known. */
  complete(segmentIndex: number): void;
  /** Whether the next part must be decodable alone; other parts are rejected until then. */
  readonly needsSync: boolean;
}

/** The track that parts are made of, and the rules for them. */
export interface PartOptions {
  readonly schedule: CutSchedule;
  readonly sink: PartSink;
  readonly trackId: number;
  readonly timescale: number;
  readonly partTarget: Seconds;
  /** Duration of a full part. */
  readonly nominal: Seconds;
  /** Whether the samples are views of larger buffers, which must not be kept for as long as the segment. */
  readonly shared?: boolean;
  /** Called if a frame lasted longer than PART-TARGET; its part is listed with the duration PART-TARGET. */
  readonly onOverlongPart?: ((duration: Seconds) => void) | undefined;
}

/** Where collected samples belong; times are media times, on the track's timescale. */
export interface PartPlace extends Pick<MadePart, 'segmentIndex' | 'completes'> {
  readonly continues?: boolean;
  readonly start: Ticks;
  readonly duration: Ticks;
  /** Where the next sample is shown. Default: the end of `duration`. */
  readonly end?: Ticks;
}

/** Writes the parts of a track. */
export class PartWriter {
  readonly #options: PartOptions;
  #sequenceNumber = 0;

  constructor(options: PartOptions) {
    this.#options = options;
  }

  /** @param samples at least one; large ones are referred to, not copied */
  write(samples: FragmentToWrite['samples'], baseMediaDecodeTime: Ticks, place: PartPlace): void {
    const { trackId, shared } = this.#options;
    const sequenceNumber = ++this.#sequenceNumber;
    const pieces = writeFragmentPieces({ sequenceNumber, trackId, baseMediaDecodeTime, samples });
    // A single piece is a copy, so nothing larger is kept in memory.
    this.pass(pieces, samples, shared === true && pieces.length > 1, place);
  }

  /** Emits a part that is already written. */
  pass(pieces: readonly Buffer[], samples: FragmentToWrite['samples'], shared: boolean, place: PartPlace): void {
    const { timescale, partTarget, sink, onOverlongPart } = this.#options;
    const { segmentIndex, start, duration, end = start + duration, completes, continues = false } = place;
    const body = new PartBody(pieces);
    if (duration > partTarget * timescale) onOverlongPart?.(duration / timescale);
    sink.accept({
      body,
      shared,
      segmentIndex,
      start: start / timescale,
      // The playlist rule takes precedence over the exact duration. The media keeps its long frame, so playback has no gap.
      duration: Math.min(duration / timescale, partTarget),
      end: end / timescale,
      independent: samples[0]?.sync === true,
      keyFrameBytes: keyFrameBytes(body.length, samples),
      completes,
      continues,
    });
  }
}

/** @param size bytes of a fragment whose last bytes are the data of `samples` */
function keyFrameBytes(size: number, samples: FragmentToWrite['samples']): number | undefined {
  if (samples[0]?.sync !== true) return undefined;
  let length = size + samples[0].data.length;
  for (const { data } of samples) length -= data.length;
  return length;
}
