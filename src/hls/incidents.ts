// Counts what goes wrong in a presentation that continues, and reports it as typed warnings with limited frequency.
import { systemCode } from '../protocols/system-error.js';
import type { Milliseconds, Seconds } from '../protocols/units.js';
import { hlsError } from './errors.js';
import type { PresentationOptions } from './presentation-options.js';
import { WarningLimit } from './warning-limit.js';

type IncidentsOptions = Pick<
  PresentationOptions,
  'app' | 'name' | 'clock' | 'onWarning' | 'onPublisherFault' | 'onForcedCut' | 'onStoreRecovered'
>;

/** A frame of at least this duration, where pauses of the pictures are detected, was the last one before a pause. */
const PAUSE: Seconds = 2;

export class Incidents {
  readonly #options: IncidentsOptions;
  readonly #warnings: WarningLimit;
  readonly #counters = { forcedCuts: 0, gaps: 0 };

  #picturesPaused = false;

  constructor(options: IncidentsOptions) {
    this.#options = options;
    this.#warnings = new WarningLimit(options.clock, options.onWarning);
  }

  get counters(): { readonly forcedCuts: number; readonly gaps: number } {
    return this.#counters;
  }

  /** @param paused whether the publisher did not send the missing media, which was already reported */
  missingMedia(rendition: string, mediaSequence: number, paused: boolean): void {
    this.#counters.gaps += 1;
    if (paused) return;
    this.#warnings.warn(hlsError('hls.missing-media', `${rendition} lacks media of segment ${mediaSequence}`));
  }

  forcedCut(time: Milliseconds, targetDuration: Seconds | undefined): void {
    this.#counters.forcedCuts += 1;
    const warning = hlsError(
      'hls.forced-cut',
      `no key frame came for ${targetDuration} s, so a segment begins without one: set the keyframe interval of the encoder to 1 to 4 s`,
    );
    this.#options.onPublisherFault?.('forced-cuts', warning);
    this.#options.onForcedCut?.(time);
  }

  picturesPaused(): void {
    this.#picturesPaused = true;
    const warning = hlsError(
      'hls.pictures-paused',
      'the video pauses while the audio goes on, and the missing video is listed as a gap: check the camera or capture card of the encoder, and its processor load',
    );
    this.#options.onPublisherFault?.('pictures-paused', warning);
  }

  soundPaused(): void {
    const warning = hlsError(
      'hls.sound-paused',
      'no audio arrives while the video goes on, so silence replaces it: check the microphone or audio source of the encoder, and let the encoder send silence itself',
    );
    this.#options.onPublisherFault?.('sound-paused', warning);
  }

  overlongPart(rendition: string, duration: Seconds): void {
    // This long frame is the pause that was already reported.
    if (this.#picturesPaused && duration >= PAUSE) return;
    const warning = hlsError(
      'hls.irregular-timing',
      `a frame of ${rendition} lasts ${duration.toFixed(3)} s, longer than a part may, and is shortened: set the encoder to a constant frame rate`,
    );
    this.#options.onPublisherFault?.('uneven-frames', warning);
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
    const what = `${files} files of ${this.#stream} are missing from the media directory`;
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
