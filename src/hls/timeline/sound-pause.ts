// Detects that a publisher's audio has paused while its video goes on: players that wait for audio do not show the video either.
import type { Milliseconds } from '../../protocols/units.js';

/**
 * If video continues for this long without an audio frame, the audio has paused. The limit is shorter than the delay of players, and longer
 * than the usual offset between the tracks of one connection.
 */
const PAUSE_LIMIT: Milliseconds = 1_000;

/**
 * The limit until the first audio segment is complete: nobody can play yet, so nobody waits. Some encoders send the beginning of the audio
 * seconds after the pictures of the same time.
 */
export const FIRST_PAUSE_LIMIT: Milliseconds = 8_000;

/** The limit if no audio frame has come at all: some encoders send the audio header first, and audio much later or never. */
const FIRST_SOUND_LIMIT: Milliseconds = 3_000;

/** The limit in multiples of the video step, for video with few pictures. */
const PAUSE_STEPS = 1.5;

export class SoundPause {
  /** Time of the last audio frame; before the first one, that of the first picture. */
  #since: Milliseconds | undefined;
  #hasSound = false;
  /** Position of the video at that moment. */
  #picturesSince: Milliseconds = Number.NEGATIVE_INFINITY;
  /** Position of the video, and the size of its last step. */
  #pictures: Milliseconds = Number.NEGATIVE_INFINITY;
  #step: Milliseconds = 0;
  /** Whether a pause was found since the last audio frame: from then on only `PAUSE_LIMIT` counts. */
  #pauseFound = false;

  /** A run begins: forgets the times of the previous one. */
  begin(): void {
    this.#since = undefined;
    this.#hasSound = false;
    this.#pictures = Number.NEGATIVE_INFINITY;
    this.#step = 0;
    this.#pauseFound = false;
  }

  /** @param position of the video, as in `CutSchedule.horizon` */
  noteSound(dts: Milliseconds, position: Milliseconds): void {
    this.#since = dts;
    this.#hasSound = true;
    this.#picturesSince = position;
    this.#pauseFound = false;
  }

  /** @param position of the video, as in `CutSchedule.horizon` */
  notePictures(position: Milliseconds): void {
    if (!Number.isFinite(position)) return;
    // If pictures are far apart, or the video itself pauses, missing audio between them is no sign of an audio pause.
    const step = position - this.#pictures;
    if (step > 0 && Number.isFinite(step)) this.#step = step;
    this.#pictures = position;
    if (this.#since !== undefined) return;
    this.#since = position;
    this.#picturesSince = position;
  }

  /** Position of the video. */
  get pictures(): Milliseconds {
    return this.#pictures;
  }

  /** Time of the last audio frame in this run; before the first one, that of the first picture. */
  get since(): Milliseconds | undefined {
    return this.#since;
  }

  /**
   * The time up to which silence should replace the audio; undefined if it has not paused.
   * @param isFirst whether the first audio segment is not complete yet
   */
  until(isFirst: boolean): Milliseconds | undefined {
    if (this.#since === undefined) return undefined;
    const silent = this.#pictures - this.#picturesSince - PAUSE_STEPS * this.#step;
    if (!Number.isFinite(silent) || silent <= PAUSE_LIMIT) return undefined;
    const first = this.#hasSound ? FIRST_PAUSE_LIMIT : FIRST_SOUND_LIMIT;
    if (!this.#pauseFound && isFirst && silent <= first) return undefined;
    this.#pauseFound = true;
    // Silence follows the pictures `PAUSE_LIMIT` behind, counted from the last audio frame. If audio is sent ahead of its pictures, that
    // time could be after the newest picture: silence never goes beyond it.
    return Math.min(this.#since + silent - PAUSE_LIMIT, this.#pictures);
  }
}
