// Makes thumbnails with one short-lived FFmpeg each, few at a time; nothing runs between two thumbnails.
import type { Clock } from '../protocols/clock.js';
import { FailureDomain } from '../protocols/failure-domain.js';
import { av1SampleData } from '../protocols/mp4/av1.js';
import { writeFragment } from '../protocols/mp4/fragment-writer.js';
import { writeInitSegment } from '../protocols/mp4/init-segment-writer.js';
import type { VideoDescription } from '../protocols/mp4/video-description.js';
import type { Milliseconds } from '../protocols/units.js';
import { type ChildSettings, THUMBNAIL_NICENESS } from './child-settings.js';
import { transcodeError } from './errors.js';
import { exitError } from './exit-error.js';
import { FfmpegProcess } from './ffmpeg-process.js';
import { thumbnailArguments } from './thumbnail-arguments.js';

export interface KeyFrame {
  /** Describes the codec and the parameters with which the frame was coded, including its size. */
  readonly description: VideoDescription;
  /** Coded as in a LiveTag: length-prefixed NAL units, an AV1 temporal unit, a VP9 frame. */
  readonly data: Buffer;
}

export interface ThumbnailMakerOptions {
  readonly ffmpeg: { readonly path: string };
  readonly clock: Clock;
  readonly childSettings?: ChildSettings;
  /** Number of thumbnails that are made at the same time, for all streams. Default 2. */
  readonly concurrency?: number;
  /** Number of thumbnails that may wait. Default 64. */
  readonly maxWaiting?: number;
  /** FFmpeg is killed this long after its start. Default 5000. */
  readonly timeout?: Milliseconds;
}

/** Bytes; four times the size of 640 x 360 uncompressed samples. */
const MAX_PICTURE_BYTES = 2 * 1024 * 1024;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class ThumbnailMaker {
  readonly #options: ThumbnailMakerOptions;
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #timeout: Milliseconds;
  readonly #arguments = thumbnailArguments();
  readonly #running = new Set<FfmpegProcess>();
  readonly #waiting: Waiting[] = [];
  #places: number;
  #closed = false;

  constructor(options: ThumbnailMakerOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency ?? 2;
    this.#maxWaiting = options.maxWaiting ?? 64;
    this.#timeout = options.timeout ?? 5_000;
    this.#places = this.#concurrency;
  }

  /** Number of running processes. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Makes a JPEG of at most 640 samples in width and height.
   * @param frame called when the thumbnail's turn has come, so that no frame is kept while waiting
   * @throws transcode.thumbnail if the picture cannot be decoded, too many wait, or the maker was closed; mp4.*
   */
  async make(frame: () => KeyFrame | undefined): Promise<Buffer> {
    await this.#enter();
    try {
      const wanted = frame();
      if (wanted === undefined) throw transcodeError('transcode.thumbnail', 'there is no key frame any more');
      return await this.#run(wanted);
    } finally {
      this.#leave();
    }
  }

  /** Kills running processes and rejects waiting requests. */
  close(): void {
    this.#closed = true;
    for (const running of this.#running) running.kill();
    for (const { reject } of this.#waiting.splice(0)) reject(closedError());
  }

  #enter(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#places > 0) {
      this.#places -= 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      const text = `${this.#maxWaiting} pictures wait to be made, the limit`;
      return Promise.reject(transcodeError('transcode.thumbnail', text));
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#places += 1;
    else next.resolve();
  }

  async #run({ description, data }: KeyFrame): Promise<Buffer> {
    const { ffmpeg, clock, childSettings } = this.#options;
    const init = writeInitSegment({ trackId: 1, timescale: 1000, description });
    const sample = description.codec === 'av1' ? av1SampleData(data) : data;
    const samples = [{ duration: 1000, cts: 0, sync: true, data: sample }];
    const fragment = writeFragment({ sequenceNumber: 1, trackId: 1, baseMediaDecodeTime: 0, samples });
    if (this.#closed) throw closedError();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let late = false;
    let broken: unknown;
    // A failure ends only this thumbnail, never the stream.
    const domain = new FailureDomain('thumbnail', ({ cause }) => {
      broken ??= cause;
      domain.close();
    });
    const child = new FfmpegProcess({
      path: ffmpeg.path,
      arguments: this.#arguments,
      niceness: THUMBNAIL_NICENESS,
      outputs: 1,
      clock: domain.clock(clock),
      domain,
      onOutput: (_, chunk) => {
        bytes += chunk.length;
        if (bytes > MAX_PICTURE_BYTES) child.kill();
        else chunks.push(chunk);
      },
      onProgress: () => undefined,
      onDrain: () => undefined,
      ...(childSettings && { childSettings }),
    });
    this.#running.add(child);
    try {
      domain.clock(clock).after(this.#timeout, () => {
        late = true;
        child.kill();
      });
      child.write([init, fragment]);
      child.end();
      await child.exited;
    } finally {
      domain.close();
      this.#running.delete(child);
    }
    const exit = await child.exited;
    if (broken !== undefined) throw broken;
    if (exit.kind === 'exited' && exit.code === 0 && bytes > 0 && bytes <= MAX_PICTURE_BYTES) {
      return Buffer.concat(chunks, bytes);
    }
    if (this.#closed) throw closedError();
    if (late) throw transcodeError('transcode.thumbnail', `no picture was made within ${this.#timeout} ms`);
    const cause = exitError({ exit, stderrLines: child.stderrLines, stalled: false, rejected: undefined });
    throw transcodeError('transcode.thumbnail', cause.message, { cause });
  }
}

function closedError(): Error {
  return transcodeError('transcode.thumbnail', 'the gateway is closing');
}
