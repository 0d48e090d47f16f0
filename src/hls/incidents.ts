// Counts what goes wrong in a presentation that continues, and reports it as typed warnings with limited frequency.
import { systemCode } from '../protocols/system-error.js';
import type { Milliseconds, Seconds } from '../protocols/units.js';
import { hlsError } from './errors.js';
import type { PresentationOptions } from './presentation-options.js';
import { WarningLimit } from './warning-limit.js';

export class Incidents {
  readonly #options: PresentationOptions;
  readonly #warnings: WarningLimit;
  readonly #counters = { forcedCuts: 0, gaps: 0 };

  constructor(options: PresentationOptions) {
    this.#options = options;
    this.#warnings = new WarningLimit(options.clock, options.onWarning);
  }

  get counters(): { readonly forcedCuts: number; readonly gaps: number } {
    return this.#counters;
  }

  /** @param paused the publisher did not send the missing media, which was already reported */
  missingMedia(rendition: string, mediaSequence: number, paused: boolean): void {
    this.#counters.gaps += 1;
    if (paused) return;
    this.#warnings.warn(hlsError('hls.missing-media', `${rendition} lacks media of segment ${mediaSequence}`));
  }

  forcedCut(time: Milliseconds, targetDuration: Seconds | undefined): void {
    this.#counters.forcedCuts += 1;
    this.#warnings.warn(hlsError('hls.forced-cut', `no key frame in the ${targetDuration} s before ${time} ms`));
    this.#options.onForcedCut?.(time);
  }

  picturesPaused(time: Milliseconds): void {
    this.#warnings.warn(hlsError('hls.pictures-paused', `no picture came for some time before ${Math.round(time)} ms`));
  }

  soundPaused(): void {
    this.#warnings.warn(hlsError('hls.sound-paused', 'no sound has come for a second: silence stands for it'));
  }

  overlongPart(rendition: string, duration: Seconds): void {
    this.#warnings.warn(hlsError('hls.irregular-timing', `got a frame of ${duration.toFixed(3)} s in ${rendition}`));
  }

  dvrDropped(): void {
    this.#warnings.warn(hlsError('hls.dvr-dropped', `the oldest segments of ${this.#stream} are no longer listed`));
  }

  storeFailed(cause: unknown): void {
    const warning = hlsError('hls.store', `writing ${this.#stream} failed: ${describe(cause)}`, { cause });
    this.#warnings.warn(warning, systemCode(cause));
  }

  storeRecovered(): void {
    this.#warnings.over('hls.store');
    this.#options.onStoreRecovered?.();
  }

  filesGone(files: number): void {
    const what = `${files} files of ${this.#stream} are not in the media directory any more`;
    this.#warnings.warn(hlsError('hls.files-gone', what));
  }

  filesLeftBehind(files: number, cause: unknown): void {
    const what = `${files} files of ${this.#stream} could not be removed`;
    this.#warnings.warn(
      hlsError('hls.store', `${what}: ${describe(cause)}`, { cause }),
      `removal ${systemCode(cause)}`,
    );
  }

  get #stream(): string {
    return `${this.#options.app}/${this.#options.name}`;
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
