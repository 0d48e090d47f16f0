// The position in a live stream that the viewer wants: live, or some time behind it.

/** Milliseconds within which a browser that plays HLS itself goes to live, if it does at all. */
const SEEK_PATIENCE = 1_500;
/** Seconds behind the target from which "Go live" is offered; hls.js catches up with smaller distances by playing faster. */
export const BEHIND_LIVE = 3;
/** Seconds of media to play near live before the viewer counts as being there: right after a seek, playback often stalls once more. */
const SETTLED = 5;
/** Seconds of media that must be buffered after a position to jump to it without a stall. */
const AHEAD = 0.5;

export class LivePosition {
  #video;
  #engine;
  #options;
  #isShifted = false;
  /** The viewer has asked for live, by a start or by "Go live", and is not there yet. */
  #isApproaching = false;
  /** Position in the video at which the viewer came near live; undefined while the viewer is further behind. @type {number | undefined} */
  #arrivedAt;
  #listeners = new AbortController();
  /** Seconds behind live to return to after a restart. */
  #kept = 0;
  #patience;

  /**
   * @param {HTMLVideoElement} video
   * @param {import('./engine.js').PlaybackEngine} engine
   * `onSeek`: called when media must be loaded after a seek; `onStuck`: called when the browser does not go to live, and must be restarted there
   */
  constructor(video, engine, options) {
    this.#video = video;
    this.#engine = engine;
    this.#options = options;
    const { signal } = this.#listeners;
    video.addEventListener('timeupdate', () => this.#approach(), { signal });
    video.addEventListener('pause', () => (this.#isApproaching = false), { signal });
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
    this.#isApproaching = false;
    this.#seek(target);
  }

  goLive() {
    this.#isShifted = false;
    this.#isApproaching = true;
    this.#arrivedAt = undefined;
    this.#engine.approachLive();
    const target = this.#engine.seekTarget(0);
    this.#options.onSeek();
    if (target !== undefined) this.#seek(target);
    if (!this.#engine.isNative) return;
    // Some browsers cannot seek in a live stream, or do not report where live is.
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => !this.#isShifted && this.#options.onStuck(), SEEK_PATIENCE);
  }

  /** Call when the viewer continues after a pause. Goes to live if the stream no longer has the media at the viewer's position. */
  resume() {
    if (this.#engine.isLeftBehind) this.goLive();
  }

  /** A start begins at live. */
  reset() {
    clearTimeout(this.#patience);
    this.#isShifted = false;
    this.#isApproaching = true;
    this.#arrivedAt = undefined;
  }

  close() {
    clearTimeout(this.#patience);
    this.#listeners.abort();
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

  /**
   * Live moves on while the media there is loaded, and hls.js takes a distance of more than a few seconds for the viewer's wish and keeps
   * it. So the player jumps forward once the present is buffered; on a line that is slower than the stream, it never is.
   */
  #approach() {
    const { paused, seeking, currentTime } = this.#video;
    if (!this.#isApproaching || this.#engine.isNative || paused || seeking) return;
    const target = this.#engine.seekTarget(0);
    if (target === undefined) return;
    if (target - currentTime <= BEHIND_LIVE) {
      this.#arrivedAt ??= currentTime;
      this.#isApproaching = currentTime - this.#arrivedAt < SETTLED;
    } else {
      this.#arrivedAt = undefined;
      if (isBuffered(this.#video, target)) this.#seek(target);
    }
  }

  #seek(position) {
    this.#options.onSeek();
    this.#video.currentTime = position;
  }
}

/** Whether playback can continue at this position, which is later than the current one, without loading anything. */
function isBuffered({ buffered }, position) {
  for (let index = 0; index < buffered.length; index += 1) {
    if (buffered.start(index) <= position && position + AHEAD <= buffered.end(index)) return true;
  }
  return false;
}
