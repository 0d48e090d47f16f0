// Tells a picture that stands because the broadcaster is away from one that stands because the stream is lost.

import { BroadcastWatch } from './broadcast.js';

/** Milliseconds without a new picture, while one is wanted, after which the stream is taken for lost. */
const STALL_LIMIT = 10_000;
/** After which the gateway is asked whether the publisher is away. */
const ASK_AFTER = 1_200;
/** Between looks at the clock of the video. */
const INTERVAL = 1_000;

export class StandstillWatch {
  #video;
  #options;
  #broadcast;
  #timer;
  #listeners = new AbortController();
  #lastProgress = performance.now();
  #lastTime = -1;

  /**
   * @param {HTMLVideoElement} video
   * @param {{api: string, isWanted: () => boolean, onMoved: () => void, onLost: () => void, onBroadcast: () => void}} options
   *   `isWanted`: a picture should come now; `onBroadcast`: `resuming` is another
   */
  constructor(video, options) {
    this.#video = video;
    this.#options = options;
    this.#broadcast = new BroadcastWatch(options.api, options.onBroadcast);
    video.addEventListener('timeupdate', () => this.#onTimeUpdate(), { signal: this.#listeners.signal });
    this.#timer = setInterval(() => this.#check(), INTERVAL);
  }

  /** The publisher is away and expected back. */
  get resuming() {
    return this.#broadcast.resuming;
  }

  /** The same while the gateway shows something in its place. */
  get away() {
    return this.#broadcast.away;
  }

  /** Something about the broadcast may be different: the gateway is asked. */
  look() {
    this.#broadcast.look();
  }

  /** The stream is started (again): it has all the time that it may take. */
  reset() {
    this.#lastProgress = performance.now();
    this.#lastTime = -1;
  }

  close() {
    clearInterval(this.#timer);
    this.#listeners.abort();
    this.#broadcast.cancel();
  }

  #onTimeUpdate() {
    if (this.#video.currentTime === this.#lastTime) return;
    this.#lastTime = this.#video.currentTime;
    this.#lastProgress = performance.now();
    this.#broadcast.moved();
    this.#options.onMoved();
  }

  /** A publisher that is expected back is no failure: playing goes on where it stands, however long that takes. */
  async #check() {
    const standing = performance.now() - this.#lastProgress;
    if (!this.#options.isWanted()) this.#lastProgress = performance.now();
    else if (standing > STALL_LIMIT) this.#options.onLost();
    else if (standing > ASK_AFTER && (await this.#broadcast.look())) this.#lastProgress = performance.now();
  }
}
