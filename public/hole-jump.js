// Takes a viewer over a hole in what is buffered: hls.js waits there for media that does not exist, or seeks into the hole and stays.

/** Milliseconds without progress after which what is missing is taken to be missing for good. */
const PATIENCE = 1_500;
/** Between looks at the clock of the video. */
const INTERVAL = 250;
/** Seconds left of a range in which sound and picture may end at different times; with more, it is no hole that playing stands at. */
const RANGE_END = 0.25;
/** Seconds past the beginning of a range: exactly there, rounding may fall before its first picture. */
const INSIDE = 0.02;

export class HoleJump {
  #video;
  #isWanted;
  #timer;
  #listeners = new AbortController();
  /** Something was played since the last jump or the last seek of the viewer. */
  #armed = false;
  #lastTime = -1;
  #lastProgress = performance.now();

  /**
   * @param {HTMLVideoElement} video
   * @param {() => boolean} isWanted a picture should come now
   */
  constructor(video, isWanted) {
    this.#video = video;
    this.#isWanted = isWanted;
    this.#timer = setInterval(() => this.#check(), INTERVAL);
    video.addEventListener('timeupdate', () => this.#onTimeUpdate(), { signal: this.#listeners.signal });
  }

  /** The viewer went elsewhere: what is not buffered there is on its way. */
  disarm() {
    this.#armed = false;
  }

  close() {
    clearInterval(this.#timer);
    this.#listeners.abort();
  }

  #onTimeUpdate() {
    const { currentTime, seeking } = this.#video;
    // A seek is no progress, wherever it goes.
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
    // Once per standstill: if that does not help, the stream is started anew before long.
    this.#armed = false;
    this.#video.currentTime = target;
  }
}

/** Where the next range that holds sound and picture can be played from; undefined where playing does not stand at a hole. */
function rangeAfter({ buffered, currentTime }) {
  for (let index = 0; index < buffered.length; index += 1) {
    const [start, end] = [buffered.start(index), buffered.end(index)];
    if (start > currentTime) return Math.min(start + INSIDE, (start + end) / 2);
    if (end - currentTime > RANGE_END) return undefined;
  }
  return undefined;
}
