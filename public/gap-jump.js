// Moves playback over a gap in the buffer: hls.js waits there for media that does not exist, or seeks into the gap and stays there.

/** Milliseconds without progress after which missing media counts as missing for good. */
const PATIENCE = 1_500;
/** Milliseconds between two checks of the playback position. */
const INTERVAL = 250;
/** Seconds left in a buffered range at whose end audio and video may end at different times; with more left, playback is not at a gap. */
const RANGE_END = 0.25;
/** Seconds after the start of a range: exactly at the start, rounding may give a position before its first picture. */
const INSIDE = 0.02;

export class GapJump {
  #video;
  #isWanted;
  #timer;
  #listeners = new AbortController();
  /** Something was played since the last jump or the viewer's last seek. */
  #armed = false;
  #lastTime = -1;
  #lastProgress = performance.now();

  /**
   * @param {HTMLVideoElement} video
   * @param {() => boolean} isWanted whether a picture should come now
   */
  constructor(video, isWanted) {
    this.#video = video;
    this.#isWanted = isWanted;
    this.#timer = setInterval(() => this.#check(), INTERVAL);
    video.addEventListener('timeupdate', () => this.#onTimeUpdate(), { signal: this.#listeners.signal });
  }

  /** The viewer has seeked: what is not buffered there is on its way. */
  disarm() {
    this.#armed = false;
  }

  close() {
    clearInterval(this.#timer);
    this.#listeners.abort();
  }

  #onTimeUpdate() {
    const { currentTime, seeking } = this.#video;
    // A seek is not progress, whatever its target.
    if (seeking || currentTime === this.#lastTime) return;
    this.#armed ||= currentTime > this.#lastTime && this.#lastTime >= 0;
    this.#lastTime = currentTime;
    this.#lastProgress = performance.now();
  }

  #check() {
    if (!this.#isWanted()) this.#lastProgress = performance.now();
    if (!this.#armed || performance.now() - this.#lastProgress < PATIENCE) return;
    const target = rangeAfter(this.#video);
    if (target === undefined) return;
    // Only once per stop: if it does not help, the stream is soon started again.
    this.#armed = false;
    this.#video.currentTime = target;
  }
}

/** Where the next range with audio and video can be played from; undefined if playback is not at a gap. */
function rangeAfter({ buffered, currentTime }) {
  for (let index = 0; index < buffered.length; index += 1) {
    const [start, end] = [buffered.start(index), buffered.end(index)];
    if (start > currentTime) return Math.min(start + INSIDE, (start + end) / 2);
    if (end - currentTime > RANGE_END) return undefined;
  }
  return undefined;
}
