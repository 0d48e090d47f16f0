// The position in a live stream that the viewer wants: live, or some time behind it.

/** Milliseconds within which a browser that plays HLS itself goes to live, if it does at all. */
const SEEK_PATIENCE = 1_500;

export class LivePosition {
  #video;
  #engine;
  #options;
  #isShifted = false;
  /** Seconds behind live to return to after a restart. */
  #kept = 0;
  #patience;

  /**
   * @param {HTMLVideoElement} video
   * @param {import('./engine.js').PlaybackEngine} engine
   * `onSeek`: what is not buffered there is on its way; `onStuck`: the browser does not go to live, and must be restarted there
   */
  constructor(video, engine, options) {
    this.#video = video;
    this.#engine = engine;
    this.#options = options;
  }

  /** Whether the viewer chose to watch behind live. */
  get isShifted() {
    return this.#isShifted;
  }

  /** @param {number} seconds seconds before the live edge, more than 0 */
  goBack(seconds) {
    const target = this.#engine.seekTarget(seconds);
    if (target === undefined) return;
    this.#isShifted = true;
    this.#seek(target);
  }

  goLive() {
    this.#isShifted = false;
    this.#engine.approachLive();
    const target = this.#engine.seekTarget(0);
    this.#options.onSeek();
    if (target !== undefined) this.#seek(target);
    if (!this.#engine.isNative) return;
    // Some browsers cannot seek in a live stream, or do not report where live is.
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => !this.#isShifted && this.#options.onStuck(), SEEK_PATIENCE);
  }

  /** A start begins at live. */
  reset() {
    clearTimeout(this.#patience);
    this.#isShifted = false;
  }

  /** Call before a restart that the viewer should not notice. */
  keep() {
    this.#kept = (this.#isShifted && this.#engine.window?.behind) || 0;
  }

  /** Call after it. */
  restore() {
    const behind = this.#kept;
    this.#kept = 0;
    if (behind > 0) this.goBack(behind);
  }

  #seek(position) {
    this.#options.onSeek();
    this.#video.currentTime = position;
  }
}
