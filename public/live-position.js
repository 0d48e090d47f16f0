// Where in a live stream the viewer wants to be: at live, or some time behind it by his own choice.

/** Milliseconds in which a browser that reads HLS by itself has gone to live, if it will. */
const SEEK_PATIENCE = 1_500;

export class LivePosition {
  #video;
  #engine;
  #options;
  #isShifted = false;
  /** Seconds behind live to go back to after a start. */
  #kept = 0;
  #patience;

  /**
   * @param {HTMLVideoElement} video
   * @param {import('./engine.js').PlaybackEngine} engine
   * @param {{onSeek: () => void, onStuck: () => void}} options `onSeek`: what is not buffered there is on its way;
   *   `onStuck`: the browser does not go to live, and must begin there
   */
  constructor(video, engine, options) {
    this.#video = video;
    this.#engine = engine;
    this.#options = options;
  }

  /** The viewer chose to watch behind live. */
  get isShifted() {
    return this.#isShifted;
  }

  /** @param {number} seconds before the live edge, more than 0 */
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
    // Some browsers do not seek in a live stream, or tell nobody where live is.
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => !this.#isShifted && this.#options.onStuck(), SEEK_PATIENCE);
  }

  /** A start begins at live. */
  reset() {
    clearTimeout(this.#patience);
    this.#isShifted = false;
  }

  /** Before a start that the viewer should not notice. */
  keep() {
    this.#kept = (this.#isShifted && this.#engine.window?.behind) || 0;
  }

  /** After it. */
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
