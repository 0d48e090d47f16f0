// Runs the FFmpeg that plays the slate. It reports tags, ends with one promise, and leaves no process behind.
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import { FlvReader } from '../protocols/flv/flv-reader.js';
import type { FlvTag } from '../protocols/flv/flv-tag.js';
import type { ChildSettings } from './child-settings.js';
import { exitError } from './exit-error.js';
import { FfmpegProcess } from './ffmpeg-process.js';
import { type SlateSpec, slateArguments } from './slate-arguments.js';

export interface SlateSourceOptions {
  readonly ffmpeg: { readonly path: string };
  readonly slate: SlateSpec;
  readonly clock: Clock;
  /** Owns the process and its callbacks. */
  readonly domain: FailureDomain;
  readonly childSettings?: ChildSettings;
  /** Called with each tag, at real time, with timestamps from near 0; sequence headers come first. */
  readonly onTag: (tag: FlvTag) => void;
  /** Called if it ended by itself: the file cannot be played, or FFmpeg died. Not called after `stop`. */
  readonly onFailed: (error: SluiceError) => void;
}

/** Runs from construction until `stop`. */
export class SlateSource {
  readonly #process: FfmpegProcess;
  readonly #ended: Promise<void>;
  #stopped = false;
  /** Why its output is no longer read. */
  #unreadable: SluiceError | undefined;

  /** @throws {TypeError} for a path that is not absolute */
  constructor(options: SlateSourceOptions) {
    const { ffmpeg, slate, clock, domain, childSettings, onTag, onFailed } = options;
    const reader = new FlvReader();
    this.#process = new FfmpegProcess({
      path: ffmpeg.path,
      arguments: slateArguments(slate),
      outputs: 1,
      clock,
      domain,
      onOutput: (_, bytes) => {
        if (this.#stopped || this.#unreadable !== undefined) return;
        reader.push(bytes);
        this.#read(reader, onTag);
      },
      onProgress: () => undefined,
      onDrain: () => undefined,
      ...(childSettings === undefined ? {} : { childSettings }),
    });
    this.#ended = domain.settled('slate ended', async () => {
      const exit = await this.#process.exited;
      if (this.#stopped) return;
      const rejected = this.#unreadable;
      onFailed(exitError({ exit, stderrLines: this.#process.stderrLines, stalled: false, rejected }));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** No tag is reported after this call. Resolves when the process has ended. Idempotent. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#process.kill();
    return this.#ended;
  }

  #read(reader: FlvReader, onTag: SlateSourceOptions['onTag']): void {
    try {
      for (let tag = reader.next(); tag !== undefined && !this.#stopped; tag = reader.next()) onTag(tag);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#unreadable = error;
      this.#process.kill();
    }
  }
}
